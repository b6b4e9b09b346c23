#pragma once

#include <memory>
#include <vector>

#include "betimes/judge/metric.h"
#include "betimes/judge/task.h"
#include "betimes/runtime/plan.h"

namespace betimes::fit {

/// Outputs of a model over many examples: one row an example, all outputs flattened one behind the
/// other, as float.
struct Predictions {
  Tensor rows;  // f32 [N, D]
  std::span<const float> row(int64_t i) const;
};

/// Runs `plan` (one input whose first dimension is 1) over the examples stacked in `inputs`, on
/// `workers` sessions side by side. Throws Error when an output isn't finite.
Predictions predict(const std::shared_ptr<const runtime::Plan>& plan, const Tensor& inputs,
                    int workers);

/// One score an example.
std::vector<double> scores(const judge::Metric& metric, const Predictions& found,
                           const Predictions& reference, const std::vector<int64_t>& labels);

/// Mean over examples of 1 - cosine similarity of the outputs: how far a variant is from the
/// original, finer than any metric that counts hits.
double output_error(const Predictions& found, const Predictions& reference);

}  // namespace betimes::fit
