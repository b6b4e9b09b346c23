#include "bench/cost/corpus.h"

#include <fmt/format.h>

#include "bench/cost/corpus_net.h"

namespace betimes::bench {
namespace {

struct Family {
  std::string name;
  graph::Graph (*make)(Net&);
};
/// Single kernels come more often: what they may be varies in more ways.
const std::vector<Family>& all_families() {
  static const std::vector<Family> all = {
      {"plain", plain},
      {"mobile", mobile},
      {"picture kernels", picture_kernels},
      {"residual", residual},
      {"tower", tower},
      {"function kernels", function_kernels},
      {"picture kernels", picture_kernels},
      {"row kernels", row_kernels},
      {"encoder", encoder},
      {"recurrence", recurrence},
      {"picture kernels", picture_kernels},
      {"vector kernels", vector_kernels},
      {"detector", detector},
      {"shuffle", shuffle},
      {"picture kernels", picture_kernels},
      {"row kernels", row_kernels},
      {"sequence", sequence},
      {"function kernels", function_kernels},
      {"picture kernels", picture_kernels},
      {"vector kernels", vector_kernels},
      {"frame", frame},
      {"encoder", encoder},
      {"segmenter", segmenter},
      {"boxes", boxes},
      {"spectrum", spectrum},
      {"picture kernels", picture_kernels},
      {"row kernels", row_kernels},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& families() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Family& each : all_families()) all.push_back(each.name);
    return all;
  }();
  return names;
}

MadeNet make_net(uint64_t index) {
  const std::vector<Family>& all = all_families();
  const Family& family = all[index % all.size()];
  const std::string name = fmt::format("{} {}", family.name, index);
  Net net(name, 1000 + index);
  net.short_chains = index / all.size() / 2 % 2 == 1;
  const bool bf16 = net.chance(0.15);
  return {name, family.name, family.make(net), bf16};
}

}  // namespace betimes::bench
