#pragma once

#include <torch/nn.h>

#include "betimes/judge/task.h"
#include "systems/spiking/iir-snn/iir_net.h"
#include "systems/spiking/iir-snn/train_loop.h"

namespace betimes::systems::iir_snn {

/// A spiking net's weights, thresholds and leaks as parameters, on their way.
class SpikingParameters {
 public:
  explicit SpikingParameters(const Net& net);

  /// images [B, 1, H, W] -> logits [B, classes]: the image is a constant current, the sum of the
  /// last layer's currents over the steps is the answer. Dropout masks hold for all steps of a
  /// sample; 0: none.
  at::Tensor logits(const at::Tensor& images, int64_t time_steps, double dropout) const;
  /// Currents of the first layer over the steps, [T, B, ...].
  at::Tensor first_currents(const at::Tensor& images, int64_t time_steps) const;
  /// Those of layer `index` + 1 from those of layer `index`.
  at::Tensor next_currents(const at::Tensor& currents, size_t index, double dropout) const;

  /// Leaks only where there is more than one step: at one they have no gradient.
  std::vector<at::Tensor> parameters(int64_t time_steps) const;
  /// Thresholds at least 1e-3, leaks in [0, 1].
  void clamp();
  void set_threshold(size_t index, double threshold);
  size_t layers() const { return layers_.size(); }
  Net net(int64_t time_steps) const;

 private:
  struct Trained {
    at::Tensor weight, bias, threshold, leak;
    bool pooled;
  };
  at::Tensor apply(const Trained& layer, const at::Tensor& x) const;

  int64_t height_, width_;
  std::vector<Trained> layers_;
};

/// The ReLU net as a spiking one: each layer's threshold is the 90th percentile of its currents
/// over `images`, the largest of all steps, with the layers below set already (a layer that is
/// silent gets 0.1 and a line to `warn`, which may be empty); leaks are 1.
Net convert(const Net& relu, const at::Tensor& images, int64_t time_steps,
            const std::function<void(const std::string&)>& warn);

struct LadderOptions {
  double rate = 1e-3;
  double dropout = 0.1;
};

/// Trains `start` at `time_steps` (Adam with AMSGrad, surrogate gradients through all steps) and
/// returns the epoch's net that validates best, itself among them when it does.
Net train_spiking(const std::string& name, const Net& start, int64_t time_steps, int epochs,
                  const Training& training, const judge::Examples& validation,
                  const LadderOptions& options);

/// Throws Error unless the steps are decreasing and positive.
void check_ladder(const std::vector<int64_t>& time_steps);

}  // namespace betimes::systems::iir_snn
