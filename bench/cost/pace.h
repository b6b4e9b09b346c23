#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "bench/cost/samples.h"
#include "betimes/measure/latency.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {

/// Whether the machine is as fast as it ever was. Neighbours on the same processor make everything
/// on it slower by up to a half, for tenths of seconds or for minutes, and nothing here tells of it
/// but time itself.
class Pace {
 public:
  explicit Pace(int threads);
  bool is_best();

 private:
  double look();

  std::unique_ptr<runtime::Session> session_;
  double best_ = std::numeric_limits<double>::infinity();
};

struct Visit {
  MeasuredNet net;
  measure::Latency latency;
};

/// What `measure` finds while the machine is at its best, or, where that never comes, the fastest
/// of several tries.
Visit at_best(Pace& pace, const std::function<Visit()>& measure);

/// How often real models are visited, with all others in between.
inline constexpr size_t visits = 3;
/// Of the visits to one network, an odd number from three on, the middle one. Its halves are then
/// the first two of the visits, so that they tell how well a measurement repeats.
Visit middle_of(std::vector<Visit> all);

}  // namespace betimes::bench
