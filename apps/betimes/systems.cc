// Compiled once a program: with BETIMES_LEARNS where LibTorch is linked.
#include "apps/betimes/systems.h"

namespace betimes::system {

#define NO(declaration)
#define YES(declaration) declaration
#define BETIMES_SYSTEM(id, trains, reproduces) \
  System id##_system();                        \
  trains(void id##_train(const TrainOptions&);) reproduces(void id##_reproduce(Study&);)
#include "systems.inc"
#undef BETIMES_SYSTEM
#undef YES

}  // namespace betimes::system

namespace betimes::cli {

#define YES(statement) statement
#ifdef BETIMES_LEARNS
#define BETIMES_LINKED(statement) statement
bool learns_here() { return true; }
#else
#define BETIMES_LINKED(statement)
bool learns_here() { return false; }
#endif

const std::vector<system::System>& systems() {
  static const std::vector<system::System> all = [] {
    std::vector<system::System> list;
#define BETIMES_SYSTEM(id, trains, reproduces)                       \
  list.push_back(system::id##_system());                             \
  trains(list.back().learns = true;)                                 \
      BETIMES_LINKED(trains(list.back().train = system::id##_train;) \
                         reproduces(list.back().reproduce = system::id##_reproduce;))
#include "systems.inc"
    return list;
  }();
  return all;
}

}  // namespace betimes::cli
