#include "betimes/runtime/kernels/vector/loops.h"

#include "betimes/base/cpu.h"
#include "betimes/runtime/kernels/vector/levels.h"

namespace betimes::runtime {

std::vector<const Loops*> all_loops() {
  std::vector<const Loops*> levels = {&baseline::vector_loops()};
#ifdef __x86_64__
  if (active_isa() >= Isa::avx2) levels.push_back(&avx2::vector_loops());
  if (active_isa() >= Isa::avx512) levels.push_back(&avx512::vector_loops());
#endif
  return levels;
}

const Loops& loops() {
#ifdef __x86_64__
  if (active_isa() >= Isa::avx512) return avx512::vector_loops();
  if (active_isa() >= Isa::avx2) return avx2::vector_loops();
#endif
  return baseline::vector_loops();
}

}  // namespace betimes::runtime
