#include "systems/hardware/mlir-cost-model/split.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// Disjoint sets with path halving (Tarjan and van Leeuwen 1984).
class Sets {
 public:
  explicit Sets(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0u); }
  size_t find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<size_t> parent_;
};

/// Graphs that share a sentence in some kind of tokens, in the order of their first.
std::vector<std::vector<size_t>> groups(const DataSet& data) {
  Sets sets(data.graphs.size());
  for (const Tokens variant : all_tokens()) {
    std::map<uint64_t, size_t> first;
    for (size_t i = 0; i < data.graphs.size(); ++i) {
      const uint64_t hash = hash_tokens(tokenise(data.graphs[i].function, {}, variant));
      sets.join(i, first.emplace(hash, i).first->second);
    }
  }
  std::map<size_t, size_t> place;
  std::vector<std::vector<size_t>> found;
  for (size_t i = 0; i < data.graphs.size(); ++i) {
    const auto [at, added] = place.emplace(sets.find(i), found.size());
    if (added) found.emplace_back();
    found[at->second].push_back(i);
  }
  return found;
}

}  // namespace

Split split_graphs(const DataSet& data, uint64_t seed) {
  std::vector<std::vector<size_t>> all = groups(data);
  if (all.size() < 3) throw Error("data set", "has fewer than three different graphs");
  Random random(seed);
  random.shuffle(std::span(all));
  const size_t tenth = std::max<size_t>(data.graphs.size() / 10, 1);
  Split found;
  for (const std::vector<size_t>& group : all) {
    std::vector<size_t>& part = found.test.size() < tenth         ? found.test
                                : found.validation.size() < tenth ? found.validation
                                                                  : found.training;
    part.insert(part.end(), group.begin(), group.end());
  }
  if (found.training.empty()) throw Error("data set", "leaves nothing to learn from");
  for (auto* part : {&found.training, &found.validation, &found.test}) {
    std::sort(part->begin(), part->end());
  }
  return found;
}

}  // namespace betimes::systems::mlir_cost_model
