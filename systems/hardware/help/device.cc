#include "systems/hardware/help/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::help {
namespace {

void check_times(std::span<const double> ms, const std::string& where) {
  for (size_t i = 0; i < ms.size(); ++i) {
    if (ms[i] > 0 && std::isfinite(ms[i])) continue;
    throw Error(where, fmt::format("latency {} is {}", i, ms[i]), "positive milliseconds");
  }
}

/// Architectures first..first+count-1 by growing latency, without the outer tenths.
std::vector<size_t> trimmed(const std::vector<double>& ms, size_t first, size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), first);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ms[a] < ms[b]; });
  return {order.begin() + static_cast<int64_t>(count / 10),
          order.begin() + static_cast<int64_t>(count * 9 / 10)};
}

}  // namespace

std::vector<float> embedding_of(std::span<const double> reference_ms, const std::string& where) {
  check_times(reference_ms, where);
  if (reference_ms.size() < 2) throw Error(where, "has too few references", "two at least");
  const auto [low, high] = std::minmax_element(reference_ms.begin(), reference_ms.end());
  if (*low == *high) {
    throw Error(where, fmt::format("all references take {} ms", *low),
                "times that differ: is this measured anew for each?");
  }
  std::vector<float> found;
  for (const double ms : reference_ms) {
    found.push_back(static_cast<float>((ms - *low) / (*high - *low)));
  }
  return found;
}

std::vector<float> labels_of(std::span<const double> ms, double low, double high) {
  constexpr double portion = 0.9;
  std::vector<float> found;
  found.reserve(ms.size());
  for (const double each : ms) {
    found.push_back(static_cast<float>((each - low) / (high - low) * portion + (1 - portion) / 2));
  }
  return found;
}

Device make_device(const Tables& tables, const std::string& name) {
  const Space& space = tables.space;
  Device device;
  device.name = name;
  device.ms = tables.of(name);
  device.references = space.references;
  const size_t count = tables.architectures.count();
  if (device.ms.size() != count) {
    throw Error(name, fmt::format("has {} latencies", device.ms.size()),
                fmt::format("{}, one for each architecture", count));
  }
  check_times(device.ms, name);
  if (space.pool + space.held > count || space.pool < 20 || space.held < 20) {
    throw Error(name, fmt::format("{} architectures can't be split", count),
                fmt::format("{} at least", space.pool + space.held));
  }
  device.pool = trimmed(device.ms, 0, space.pool);
  device.held = trimmed(device.ms, space.pool, space.held);
  const double low = device.ms[device.pool.front()], high = device.ms[device.pool.back()];
  if (low == high) throw Error(name, "all architectures of the pool are equally fast");
  device.labels = labels_of(device.ms, low, high);
  device.embedding = embedding_of(gather(device.ms, device.references), name);
  return device;
}

std::vector<Device> make_devices(const Tables& tables, const std::vector<std::string>& names) {
  std::vector<Device> found;
  for (const std::string& name : names) found.push_back(make_device(tables, name));
  return found;
}

}  // namespace betimes::systems::help
