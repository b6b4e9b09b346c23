#pragma once

#include <string>
#include <vector>

#include "betimes/cost/device.h"
#include "betimes/cost/kernel_time.h"

namespace betimes::bench {

/// A network that was measured on a device.
struct MeasuredNet {
  std::string name;
  std::string family;                // of a made one; "real", or "reference"
  std::string group;                 // what is left out together: a model and its 8-bit form
  double p50 = 0, p90 = 0, p99 = 0;  // ms
  double halves[2] = {0, 0};         // medians of two visits; of a made one, of halves of the runs
  std::vector<cost::KernelTime> kernels;  // scaled so that they add up to p50; empty for a peer
};

/// One device and what was measured on it.
struct Samples {
  cost::Device device;
  std::vector<MeasuredNet> nets;
};

/// A gzip-compressed JSON file. Throws Error naming it for anything else.
Samples read_samples(const std::string& path);
void write_samples(const Samples& samples, const std::string& path);

}  // namespace betimes::bench
