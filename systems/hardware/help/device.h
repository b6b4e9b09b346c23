#pragma once

#include <span>
#include <string>
#include <vector>

#include "systems/hardware/help/tables.h"

namespace betimes::systems::help {

/// A device as a few-shot regression task.
struct Device {
  std::string name;
  std::vector<double> ms;  // of every architecture of the tables
  /// Architectures by growing latency, the fastest and the slowest tenth left out as outliers.
  std::vector<size_t> pool, held;
  std::vector<size_t> references;
  /// Of every architecture: the trimmed pool's range becomes 0.05 to 0.95.
  std::vector<float> labels;
  std::vector<float> embedding;  // latencies of the references, their range 0 to 1
};

/// Throws Error for times that aren't one for each architecture or aren't positive, and where the
/// pool or the references are all equally fast.
Device make_device(const Tables& tables, const std::string& name);
std::vector<Device> make_devices(const Tables& tables, const std::vector<std::string>& names);

/// Latencies of the references as the hardware embedding. Throws Error naming `where` for fewer
/// than two, for times that aren't positive, and for times that are all the same: a broken or a
/// cached measurement.
std::vector<float> embedding_of(std::span<const double> reference_ms, const std::string& where);

/// 0.05 + 0.9 * (ms - low) / (high - low): what the predictor is taught.
std::vector<float> labels_of(std::span<const double> ms, double low, double high);

template <class Value>
std::vector<Value> gather(const std::vector<Value>& values, std::span<const size_t> which) {
  std::vector<Value> found;
  found.reserve(which.size());
  for (const size_t i : which) found.push_back(values.at(i));
  return found;
}

}  // namespace betimes::systems::help
