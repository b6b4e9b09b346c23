#pragma once

#include <cstdint>

#include "systems/spiking/snn-delays/spike_trains.h"

namespace betimes::systems::snn_delays {

/// Synthetic: what a class is shows only in when groups of channels fire relative to one another.
struct Coincide {
  int64_t channels = 40, groups = 8, bins = 60, classes = 10;
  int64_t longest_lag = 20;  // bins
  int64_t jitter = 1;        // bins, each way
  double distractors = 0.3;  // share of further spikes, anywhere
};

/// `examples` of each part's size, classes in turn. Each channel of a group fires once, at a random
/// onset + the lag of (class, group) + jitter; rates are equal in all classes. Lags are drawn from
/// `seed` too, the same for all parts. Throws Error for sizes that make no sense.
Splits make_coincide(const Coincide& how, int64_t train, int64_t validation, int64_t test,
                     uint64_t seed);

}  // namespace betimes::systems::snn_delays
