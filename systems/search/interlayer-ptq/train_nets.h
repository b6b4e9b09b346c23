#pragma once

#include <torch/nn.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace betimes::systems::interlayer_ptq {

/// A convolution or linear layer whose weights and input can be rounded to few bits: what carries a
/// precision. Batch normalisation behind a convolution is folded into it after training.
class LayerImpl : public torch::nn::Module {
 public:
  struct Options {
    int64_t in = 1, out = 1;
    int64_t kernel = 0;  // 0: a linear layer
    int64_t stride = 1;
    int64_t groups = 1;
    bool norm = false;
  };
  explicit LayerImpl(const Options& options);

  torch::Tensor forward(const torch::Tensor& x);
  /// Into weight and bias; evaluation mode only from then on.
  void fold_norm();

  // --- Quantisation ------------------------------------------------------------------------------
  /// While it is on, inputs are kept to find ranges from.
  void observe(bool on);
  /// From the inputs kept: the input's range (all but a ten-thousandth at each end), and for each
  /// of `bits` the shrink of the weights' scales, of twenty, that changes the output least.
  void calibrate(const std::vector<int>& bits);
  /// 16: as trained. Else weights per output channel, symmetric, and the input per tensor.
  void set_bits(int bits);
  int bits() const { return bits_; }
  /// Q(w) - w.
  torch::Tensor rounding_error(int bits) const;
  const torch::Tensor& weight() const { return weight_; }
  int64_t parameters_of_weight() const { return weight_.numel(); }

 private:
  torch::Tensor apply(const torch::Tensor& x, const torch::Tensor& weight) const;
  torch::Tensor quantised_input(const torch::Tensor& x, int bits) const;
  torch::Tensor quantised_weight(int bits, double shrink) const;

  Options options_;
  torch::Tensor weight_, bias_;
  torch::nn::BatchNorm2d norm_{nullptr};
  bool folded_ = false;
  int bits_ = 16;
  bool observing_ = false;
  std::vector<torch::Tensor> seen_;
  double low_ = 0, high_ = 0;
  std::map<int, double> shrinks_;
  torch::Tensor rounded_;  // of bits_
};
TORCH_MODULE(Layer);

/// A classifier of 28x28 grey images, f32 [N, 1, 28, 28] to logits [N, 10], and its layers in
/// order.
class NetImpl : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
  const std::vector<std::shared_ptr<LayerImpl>>& layers() const { return layers_; }
  /// Names of the layers, as parameters have them ("block1.first").
  std::vector<std::string> layer_names() const;
  void fold_norms();

 protected:
  Layer add(const std::string& name, const LayerImpl::Options& options);

 private:
  std::vector<std::shared_ptr<LayerImpl>> layers_;
};
using Net = std::shared_ptr<NetImpl>;

/// "resnet14" (16/32/64), "mobilenetv2-mini" (depthwise layers), "patch-transformer" (4 layers, 128
/// wide, patches of 4x4).
std::vector<std::string> net_names();
Net make_net(const std::string& name);

}  // namespace betimes::systems::interlayer_ptq
