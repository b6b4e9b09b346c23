#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "systems/hardware/wa-hls4ml/network.h"

namespace betimes::systems::wa_hls4ml {

/// Indices of samples.
struct Split {
  std::vector<size_t> training, validation, test;
};

/// Near-duplicates (duplicate_key()) fall on the same side. `validation` and `test` are shares of
/// the different keys. Throws Error for shares that leave nothing to one side.
Split split_samples(std::span<const Sample> samples, double validation, double test, uint64_t seed);

/// `folds` splits; each sample is in the test part of one. Of what remains, a share of the keys is
/// for validation. Throws Error for fewer keys than folds.
std::vector<Split> fold_samples(std::span<const Sample> samples, size_t folds, double validation,
                                uint64_t seed);

/// The samples with those indices; with `synthesised`, only such as have costs.
std::vector<Sample> choose(std::span<const Sample> samples, std::span<const size_t> which,
                           bool synthesised);

}  // namespace betimes::systems::wa_hls4ml
