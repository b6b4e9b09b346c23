#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::judge {

/// Examples for one-input models: `inputs` are stacked along dimension 0; `labels` is empty (the
/// metric then compares with the original model's outputs) or has one class per example.
struct Examples {
  Tensor inputs;                // f32 [N, ...]
  std::vector<int64_t> labels;  // N or 0
  int64_t size() const { return inputs.shape().empty() ? 0 : inputs.shape()[0]; }
  /// Examples first..first+count-1; throws Error when there aren't so many.
  Examples slice(int64_t first, int64_t count) const;
};

/// Throws Error unless there are no labels, or one for each example, all in [0, classes).
void check_labels(const Examples& examples, int64_t classes);

/// Disjoint parts of one data set: statistics for quantization come from `calibration`, choices
/// from `validation`, the reported quality from `test`.
struct Task {
  std::string name;
  Examples calibration, validation, test;
};

/// A quality in [0, 1], larger is better, with its confidence interval at `level`.
struct Quality {
  double value = 0;
  double low = 0;
  double high = 0;
  double level = 0.95;
  int64_t examples = 0;
};

}  // namespace betimes::judge
