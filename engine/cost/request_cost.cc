#include "betimes/cost/request_cost.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::cost {
namespace {

constexpr double RequestCost::Latency::*figures[] = {
    &RequestCost::Latency::p50, &RequestCost::Latency::p90, &RequestCost::Latency::p99,
    &RequestCost::Latency::low, &RequestCost::Latency::high};

}  // namespace

RequestCost::RequestCost(const std::vector<int64_t>& extents,
                         const std::function<Prediction(int64_t)>& predict) {
  if (extents.empty()) throw Error("extents", "are none", "one at least");
  for (const int64_t extent : extents) {
    const double x = std::log(static_cast<double>(extent));
    if (extent < 1 || (!extents_.empty() && x <= extents_.back())) {
      throw Error("extents", "have " + std::to_string(extent) + " where they should ascend",
                  "positive numbers in ascending order");
    }
    const Prediction found = predict(extent);
    extents_.push_back(x);
    latencies_.push_back({std::log(found.p50), std::log(found.p90), std::log(found.p99),
                          std::log(found.low), std::log(found.high)});
  }
}

RequestCost::Latency RequestCost::at(int64_t extent) const {
  if (extent < 1) throw Error("extent", "is " + std::to_string(extent), "1 or more");
  const double x = std::log(static_cast<double>(extent));
  Latency found;
  if (extents_.size() == 1) {
    for (const auto figure : figures) found.*figure = std::exp(latencies_[0].*figure);
    return found;
  }
  const auto above = std::upper_bound(extents_.begin() + 1, extents_.end() - 1, x);
  const auto i = static_cast<size_t>(above - extents_.begin());
  const double part = (x - extents_[i - 1]) / (extents_[i] - extents_[i - 1]);
  for (const auto figure : figures) {
    const double a = latencies_[i - 1].*figure;
    const double b = latencies_[i].*figure;
    found.*figure = std::exp(a + part * (b - a));
  }
  return found;
}

}  // namespace betimes::cost
