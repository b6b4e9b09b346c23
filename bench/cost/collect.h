#pragma once

#include <string>

#include "bench/cost/samples.h"

namespace betimes::bench {

struct CollectOptions {
  std::string name;      // of the device
  std::string list;      // bench/models.json
  std::string packages;  // node_modules with the models of npm packages; may be empty
  int threads = 1;
  int made = 800;              // made networks
  double made_seconds = 0.05;  // each
  double real_seconds = 0.6;   // each real model and each of its forms
  double probe_seconds = 10;
  uint64_t seed = 1;
};

/// Measures this machine, at the active instruction-set level: its profile, then the made networks
/// one by one, then the real models (as they are, and in 8 bits where that can be) and the
/// reference networks in three rounds; all of them while it is at its best (pace.h).
Samples collect(const CollectOptions& options);

/// The same of ONNX Runtime (options.packages has it), which runs the real models and the reference
/// networks, in rounds and at the machine's best, too: no kernels, no made networks.
Samples collect_peer(const CollectOptions& options);

}  // namespace betimes::bench
