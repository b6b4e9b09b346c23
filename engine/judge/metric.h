#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "betimes/judge/task.h"

namespace betimes::judge {

/// Scores predictions. Metrics are means over examples, so that intervals and paired comparisons
/// come from per-example scores.
class Metric {
 public:
  virtual ~Metric() = default;
  virtual std::string name() const = 0;
  /// One line for people: what a score of 1 means.
  virtual std::string summary() const = 0;
  /// Whether labels are needed; without them `reference` (the original model's outputs) is used.
  virtual bool needs_labels() const = 0;
  /// Score in [0, 1] of one example. `output` and `reference` are that example's flattened outputs.
  virtual double score(std::span<const float> output, std::span<const float> reference,
                       int64_t label) const = 0;
};

/// "top1", "top5", "agreement" (same top class as the original), "cosine" (similarity to the
/// original's output). Throws Error listing the names when it is none.
std::unique_ptr<Metric> make_metric(const std::string& name);
std::vector<std::string> metric_names();

/// Mean with its interval: Wilson's for 0/1 scores, normal otherwise.
Quality summarize(const std::vector<double>& scores, double level = 0.95);

}  // namespace betimes::judge
