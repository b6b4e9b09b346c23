#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/cost/device.h"

namespace betimes::bench {

/// A device whose latencies of NAS-Bench-201's networks were published with HELP (Lee et al.,
/// 2021).
struct PublishedDevice {
  cost::Device device;
  std::vector<double> ms;  // of every architecture, by its index
};

/// Reads nasbench201_latency.csv.gz in the folder. Rates are assumed, alike for all devices of a
/// kind: nothing of them is published, and the references make up for them.
std::vector<PublishedDevice> read_published(const std::string& folder);

/// Predicts `count` architectures drawn by the seed on each device from its ten references, by the
/// shipped kernels: a Markdown table.
std::string evaluate_published(const std::string& folder, int64_t count, uint64_t seed);

}  // namespace betimes::bench
