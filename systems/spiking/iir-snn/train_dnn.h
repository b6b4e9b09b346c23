#pragma once

#include <torch/nn.h>

#include "betimes/judge/task.h"
#include "systems/spiking/iir-snn/iir_net.h"
#include "systems/spiking/iir-snn/train_loop.h"

namespace betimes::systems::iir_snn {

/// 3x3 convolutions of these widths, pooled or not, a hidden dense layer and the classes.
struct Widths {
  std::vector<int64_t> channels = {16, 32, 32, 64, 64};
  std::vector<bool> pooled = {true, false, true, false, true};
  int64_t hidden = 128;
  int64_t classes = 10;
  int64_t side = 28;
};

/// What follows a layer: ReLU, or a step whose gradient passes straight through where |x| <= 1.
enum class Unit { relu, binary };

/// The net before conversion: convolution, means of 2x2, batch norm, unit, dropout; dense layers
/// without bias. The binary one has batch norm before its hidden dense unit too.
class DnnImpl : public torch::nn::Module {
 public:
  DnnImpl(const Widths& widths, Unit unit, double dropout);
  at::Tensor forward(const at::Tensor& images);
  /// With batch norm in the weights, as in evaluation mode: ReLU net, or for binary units the
  /// spiking net of one step that equals it (thresholds 1, biases one higher).
  Net fused();

 private:
  at::Tensor unit(const at::Tensor& x) const;

  Widths widths_;
  Unit unit_;
  double dropout_;
  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<torch::nn::BatchNorm2d> norms_;
  torch::nn::Linear hidden_{nullptr}, head_{nullptr};
  torch::nn::BatchNorm1d hidden_norm_{nullptr};  // binary only
};
TORCH_MODULE(Dnn);

/// w [out, in, 3, 3] -> [out, in, 4, 4] of stride 2, as pooled_kernel().
at::Tensor pooled_weight(const at::Tensor& weight);

/// SGD with momentum 0.9 and weight decay 5e-4; the schedule's rate drops at 45 %, 70 % and 90 %.
/// Returns the fused net of the last epoch.
Net train_dnn(const std::string& name, const Widths& widths, Unit unit, int epochs,
              const Training& training, const judge::Examples& validation);

/// The ReLU net's accuracy through the runtime's dense kernels.
double dense_accuracy(const Net& net, const judge::Examples& examples);

}  // namespace betimes::systems::iir_snn
