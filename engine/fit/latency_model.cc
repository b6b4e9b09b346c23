#include "betimes/fit/latency_model.h"

#include <algorithm>
#include <limits>

#include "betimes/base/statistics.h"

namespace betimes::fit {
namespace {

/// A step that only changes how values are stored, which may come and go between variants.
bool is_conversion(const runtime::StepInfo& step) {
  return step.op == "Reorder" || step.op == "QuantizeLinear" || step.op == "DequantizeLinear";
}

constexpr double any_bytes = -1;

}  // namespace

void LatencyModel::observe(const runtime::Plan& plan, const measure::Profile& profile) {
  for (size_t i = 0; i < plan.steps().size(); ++i) {
    const runtime::StepInfo& step = plan.steps()[i];
    const double ms = profile.steps[i].median_ms;
    if (is_conversion(step)) {
      conversions_.emplace_back(step.bytes, ms);
    } else {
      steps_[{step.name, step.precision}].push_back({step.bytes, ms});
    }
  }
  if (!plan.steps().empty()) {
    overheads_.push_back(profile.overhead_ms / static_cast<double>(plan.steps().size()));
  }
}

LatencyModel::Line LatencyModel::conversion_line() const {
  if (conversions_.empty()) return {};
  double n = 0;
  double x = 0;
  double y = 0;
  double xx = 0;
  double xy = 0;
  for (const auto& [bytes, ms] : conversions_) {
    n += 1;
    x += bytes;
    y += ms;
    xx += bytes * bytes;
    xy += bytes * ms;
  }
  const double spread = n * xx - x * x;
  const double slope = spread > 0 ? std::max((n * xy - x * y) / spread, 0.0) : 0.0;
  return {std::max((y - slope * x) / n, 0.0), slope};
}

double LatencyModel::typical_ms(const std::vector<Seen>& seen, double bytes) {
  std::vector<double> alike;
  std::vector<double> all;
  for (const Seen& each : seen) {
    all.push_back(each.ms);
    if (each.bytes == bytes) alike.push_back(each.ms);
  }
  return median(alike.empty() ? all : alike);
}

double LatencyModel::conversion_ms(double bytes) const {
  const Line line = conversion_line();
  return line.constant + line.slope * bytes;
}

double LatencyModel::node_ms(const std::string& node, Precision precision) const {
  const auto seen = steps_.find({node, std::string(name(precision))});
  return seen == steps_.end() ? std::numeric_limits<double>::quiet_NaN()
                              : typical_ms(seen->second, any_bytes);
}

double LatencyModel::predict(const runtime::Plan& plan) const {
  const Line line = conversion_line();
  double sum = 0;
  for (const runtime::StepInfo& step : plan.steps()) {
    if (is_conversion(step)) {
      sum += line.constant + line.slope * step.bytes;
      continue;
    }
    const auto seen = steps_.find({step.name, step.precision});
    if (seen != steps_.end()) {
      sum += typical_ms(seen->second, step.bytes);
      continue;
    }
    // A glue step not seen at this precision: at any precision, or as a conversion of its bytes.
    const auto other = steps_.lower_bound({step.name, ""});
    const bool same = other != steps_.end() && other->first.first == step.name;
    sum += same ? typical_ms(other->second, step.bytes) : line.constant + line.slope * step.bytes;
  }
  if (!overheads_.empty()) sum += median(overheads_) * static_cast<double>(plan.steps().size());
  return sum;
}

}  // namespace betimes::fit
