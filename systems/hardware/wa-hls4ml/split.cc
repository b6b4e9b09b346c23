#include "systems/hardware/wa-hls4ml/split.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::wa_hls4ml {
namespace {

using Group = std::vector<size_t>;

/// Near-duplicates together, in an order that the seed draws.
std::vector<Group> groups_of(std::span<const Sample> samples, uint64_t seed) {
  std::map<std::string, Group> by_key;
  for (size_t i = 0; i < samples.size(); ++i) {
    by_key[duplicate_key(samples[i].network)].push_back(i);
  }
  std::vector<Group> groups;
  for (auto& [key, group] : by_key) groups.push_back(std::move(group));
  Random random(seed);
  random.shuffle(std::span(groups));
  return groups;
}

void append(const Group& group, std::vector<size_t>& to) {
  to.insert(to.end(), group.begin(), group.end());
}

size_t share_of(size_t count, double share) {
  return static_cast<size_t>(std::lround(share * static_cast<double>(count)));
}

}  // namespace

Split split_samples(std::span<const Sample> samples, double validation, double test,
                    uint64_t seed) {
  const std::vector<Group> groups = groups_of(samples, seed);
  const size_t tested = share_of(groups.size(), test);
  const size_t validated = share_of(groups.size(), validation);
  if (!(validation > 0) || !(test > 0) || tested == 0 || validated == 0 ||
      tested + validated >= groups.size()) {
    throw Error("split",
                fmt::format("{} kinds of networks into {} for validation and {} for test",
                            groups.size(), validated, tested),
                "some on every side");
  }
  Split split;
  for (size_t i = 0; i < groups.size(); ++i) {
    append(groups[i], i < tested               ? split.test
                      : i < tested + validated ? split.validation
                                               : split.training);
  }
  return split;
}

std::vector<Split> fold_samples(std::span<const Sample> samples, size_t folds, double validation,
                                uint64_t seed) {
  const std::vector<Group> groups = groups_of(samples, seed);
  if (folds < 2 || groups.size() < 2 * folds || !(validation > 0 && validation < 1)) {
    throw Error("folds", fmt::format("{} of {} kinds of networks", folds, groups.size()),
                "two folds at least, with two kinds each");
  }
  std::vector<Split> found(folds);
  for (size_t fold = 0; fold < folds; ++fold) {
    std::vector<Group> others;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (i % folds == fold) {
        append(groups[i], found[fold].test);
      } else {
        others.push_back(groups[i]);
      }
    }
    const size_t validated = std::max<size_t>(share_of(others.size(), validation), 1);
    // Neighbours in the order would be the same test part's each time.
    Random random(seed + 1 + fold);
    random.shuffle(std::span(others));
    for (size_t i = 0; i < others.size(); ++i) {
      append(others[i], i < validated ? found[fold].validation : found[fold].training);
    }
  }
  return found;
}

std::vector<Sample> choose(std::span<const Sample> samples, std::span<const size_t> which,
                           bool synthesised) {
  std::vector<Sample> found;
  for (const size_t i : which) {
    if (!synthesised || samples[i].costs) found.push_back(samples[i]);
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
