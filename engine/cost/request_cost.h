#pragma once

#include <functional>
#include <vector>

#include "betimes/cost/device_model.h"

namespace betimes::cost {

/// What requests of different sizes will cost: predictions for a few values of one extent (examples
/// of a batch, tokens), interpolated, so that a server can ask for every request. Asking takes some
/// tens of nanoseconds and no lock.
class RequestCost {
 public:
  struct Latency {
    double p50 = 0, p90 = 0, p99 = 0;  // ms
    double low = 0, high = 0;          // of the median
  };

  /// `predict` is called once for each extent. Throws Error unless the extents are positive and
  /// ascend.
  RequestCost(const std::vector<int64_t>& extents,
              const std::function<Prediction(int64_t extent)>& predict);

  /// Between two extents the logarithm of each figure is a line over the extent's logarithm;
  /// outside the outermost two it goes on. Throws Error unless the extent is positive.
  Latency at(int64_t extent) const;

 private:
  std::vector<double> extents_;     // logarithms
  std::vector<Latency> latencies_;  // logarithms
};

}  // namespace betimes::cost
