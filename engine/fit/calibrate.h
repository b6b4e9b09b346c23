#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/tensor/tensor.h"

namespace betimes::fit {

/// Real values that eight bits should cover; low <= 0 <= high, so that zero is exact.
struct Range {
  float low = 0;
  float high = 0;
};

/// How the values of one tensor are spread over the calibration examples.
struct Distribution {
  float low = 0;
  float high = 0;
  std::vector<int64_t> bins;  // equal parts of [low, high]
};

/// Which range to keep of what was seen.
/// - min_max: all of it.
/// - percentile: leaves out a ten-thousandth of the values at each end.
/// - entropy: the clipping that loses least information, as the Kullback-Leibler divergence between
///   the values' distribution and its image in 8 bits (Migacz, "8-bit inference with TensorRT",
///   GTC 2017).
enum class Calibration { min_max, percentile, entropy };
std::string_view name(Calibration method);
std::vector<Calibration> all_calibrations();

Range find_range(const Distribution& seen, Calibration method);

/// Runs `graph` (static shapes, first dimension of its one input 1) over the examples stacked in
/// `inputs` and histograms the named values. Throws Error when a value isn't finite, naming it.
std::map<std::string, Distribution> observe(const graph::Graph& graph,
                                            const std::set<std::string>& values,
                                            const Tensor& inputs, int threads);

}  // namespace betimes::fit
