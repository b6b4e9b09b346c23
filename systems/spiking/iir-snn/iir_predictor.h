#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "betimes/runtime/kernels/vector/spiking.h"
#include "betimes/runtime/session.h"
#include "systems/spiking/common/energy.h"
#include "systems/spiking/common/packed_convolution.h"
#include "systems/spiking/iir-snn/iir_net.h"

namespace betimes::systems::iir_snn {

/// How a spiking net is computed. All give the same spikes, up to rounding of sums.
/// - dense: the runtime's convolutions on spikes as numbers, steps unrolled.
/// - events: spike by spike into the currents of all that see it.
/// - packed: output by output, the spikes of its window read from packed bits, with its sums in
///   registers and the neuron right behind them.
enum class Path { dense, events, packed };
const char* name(Path path);
/// Throws Error that lists the names.
Path parse_path(const std::string& text);

/// What a prediction took.
struct Counts {
  std::vector<double> spikes;      // of each hidden layer, over all steps
  std::vector<double> neurons;     // of each hidden layer
  spiking::Operations operations;  // first layer once, since its currents stay the same
  spiking::Operations dense;       // of the ReLU net with the same weights
};

/// Runs a spiking net on one image after the other. Used by one thread at a time.
class Predictor {
 public:
  /// `threshold_scale` multiplies all thresholds: higher means fewer spikes. Throws Error for a net
  /// with ReLU (time_steps 0) or a scale that isn't positive.
  Predictor(const Net& net, Path path, double threshold_scale = 1);

  int64_t pixels() const { return pixels_; }
  int64_t classes() const { return classes_; }
  /// image [height, width] in 0..1 -> logits: sums over the steps of the last layer's currents.
  void run(std::span<const float> image, std::span<float> logits);
  /// The same, counting. Not on the dense path, which computes everything: throws Error there.
  Counts count(std::span<const float> image);
  size_t memory_bytes() const;

 private:
  struct Stage {
    spiking::PackedConvolution layer;
    runtime::FiringRule rule;
    std::vector<float> currents, membranes;
    std::vector<uint64_t> spikes;
  };
  void run_spiking(std::span<const float> image, std::span<float> logits, Counts* counts);
  void step(size_t stage, bool from_rest);
  void read_out(std::span<float> logits);

  Path path_;
  int64_t time_steps_, pixels_, classes_;
  std::vector<Stage> stages_;
  std::optional<runtime::Session> session_;
  size_t plan_bytes_ = 0;
};

}  // namespace betimes::systems::iir_snn
