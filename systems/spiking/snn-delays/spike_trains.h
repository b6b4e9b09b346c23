#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace betimes::systems::snn_delays {

/// Labelled examples of spikes counted in time bins.
struct SpikeTrains {
  int64_t channels = 0, bins = 0;
  int64_t classes = 0;
  double bin_ms = 10;
  std::vector<uint8_t> counts;  // [examples, bins, channels], 0 to 3
  std::vector<int64_t> labels;

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  /// [bins, channels] of one example.
  std::span<const uint8_t> example(int64_t index) const {
    const auto each = static_cast<size_t>(bins * channels);
    return std::span(counts).subspan(static_cast<size_t>(index) * each, each);
  }
  /// One after the other.
  void append(const SpikeTrains& other, int64_t index) {
    const auto from = other.example(index);
    counts.insert(counts.end(), from.begin(), from.end());
    labels.push_back(other.labels[static_cast<size_t>(index)]);
  }
  /// The same shape without examples.
  SpikeTrains empty() const { return {channels, bins, classes, bin_ms, {}, {}}; }
};

struct Splits {
  SpikeTrains train, validation, test;
};

}  // namespace betimes::systems::snn_delays
