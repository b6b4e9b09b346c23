#pragma once

#include <functional>
#include <string>
#include <vector>

#include "systems/search/common/train_images.h"
#include "systems/search/proxylessnas/gates.h"
#include "systems/search/proxylessnas/train_supernet.h"

namespace betimes::systems::proxylessnas {

enum class Mode {
  two_path,   // gradients of the gates of two sampled candidates a layer
  full,       // of all of them
  reinforce,  // none: rewards of sampled networks
};
const char* name(Mode mode);

struct SearchOptions {
  Mode mode = Mode::two_path;
  LatencyLoss latency;  // `reference_ms` in the unit of the costs
  int warm_up = 6, epochs = 14;
  int64_t batch = 64;
  int arch_every = 2;  // weight steps between architecture steps
  double warm_up_rate = 0.05, rate = 0.025;
  // Adam's moves are about this long whatever the gradient, and each candidate gets some 250: much
  // lower than here, the weights end where they began (6e-3: entropy falls by 1 %).
  double arch_rate = 0.05;
  /// Whether a layer also learns from steps in which zero is its active candidate; the paper's code
  /// leaves these out. The gate's gradient where the other candidate is active is the loss' slope
  /// at its end, which training has made flat, so that latency decides and zero wins nearly always;
  /// with the slope at zero both ends of the difference count (a trapezoid).
  bool learn_from_zero = true;
  int reinforce_samples = 10;  // networks an update
  uint64_t seed = 1;
};

struct SearchResult {
  Choice choice;                  // the most probable candidate of each layer
  std::vector<Weights> weights;   // architecture weights at the end
  std::vector<double> entropies;  // mean over layers, in nats, after each search epoch
  std::vector<double> latencies;  // expected, after each search epoch
  double seconds = 0;
};

/// Warm-up (paths drawn uniformly, operator weights only), then weight steps on `training` and
/// architecture steps on `held_out` in turn, then the most probable candidate of each layer.
/// Candidates that a step doesn't use get no gradient, hence no weight decay and no momentum.
SearchResult search_architecture(const Space& space, const Costs& costs,
                                 const search::Images& training, const search::Images& held_out,
                                 const SearchOptions& options,
                                 const std::function<void(const std::string&)>& line = {});

/// One architecture step's gradients, as search_architecture makes them: what tests compare.
struct ArchitectureStep {
  std::vector<Weights> gradient;  // by the architecture weights
  std::vector<Pair> pairs;        // two_path's
  double cross_entropy = 0, expected = 0;
};
ArchitectureStep architecture_step(Supernet& net, const std::vector<Weights>& weights,
                                   const Costs& costs, const LatencyLoss& latency, Mode mode,
                                   const at::Tensor& images, const at::Tensor& labels,
                                   Random& random);

}  // namespace betimes::systems::proxylessnas
