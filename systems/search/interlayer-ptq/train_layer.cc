#include <torch/nn/functional.h>

#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "systems/search/interlayer-ptq/train_nets.h"

namespace betimes::systems::interlayer_ptq {
namespace {

constexpr double left_out = 1e-4;         // of a range, at each end
constexpr int64_t kept_values = 1 << 20;  // of a layer's inputs, for its range

/// Rows are output channels.
torch::Tensor by_channel(const torch::Tensor& values, const torch::Tensor& like) {
  std::vector<int64_t> shape(static_cast<size_t>(like.dim()), 1);
  shape[0] = -1;
  return values.reshape(shape);
}

}  // namespace

LayerImpl::LayerImpl(const Options& options) : options_(options) {
  const std::vector<int64_t> shape =
      options.kernel == 0 ? std::vector<int64_t>{options.out, options.in}
                          : std::vector<int64_t>{options.out, options.in / options.groups,
                                                 options.kernel, options.kernel};
  weight_ = register_parameter("weight", torch::empty(shape));
  torch::nn::init::kaiming_normal_(weight_, 0, torch::kFanIn, torch::kReLU);
  bias_ = register_parameter("bias", torch::zeros({options.out}));
  if (options.norm) norm_ = register_module("norm", torch::nn::BatchNorm2d(options.out));
}

torch::Tensor LayerImpl::apply(const torch::Tensor& x, const torch::Tensor& weight) const {
  if (options_.kernel == 0) return torch::linear(x, weight, bias_);
  const int64_t padding = options_.kernel / 2;
  return torch::conv2d(x, weight, bias_, options_.stride, padding, 1, options_.groups);
}

torch::Tensor LayerImpl::forward(const torch::Tensor& x) {
  if (observing_) seen_.push_back(x.detach());
  if (bits_ < 16) return apply(quantised_input(x, bits_), rounded_);
  const torch::Tensor y = apply(x, weight_);
  return norm_ && !folded_ ? norm_->forward(y) : y;
}

void LayerImpl::fold_norm() {
  if (!norm_ || folded_) return;
  const torch::NoGradGuard no_gradient;
  const torch::Tensor factor =
      norm_->weight / torch::sqrt(norm_->running_var + norm_->options.eps());
  weight_.mul_(by_channel(factor, weight_));
  bias_.copy_((bias_ - norm_->running_mean) * factor + norm_->bias);
  folded_ = true;
}

void LayerImpl::observe(bool on) {
  if (on) seen_.clear();
  observing_ = on;
}

torch::Tensor LayerImpl::quantised_weight(int bits, double shrink) const {
  const double top = (1 << (bits - 1)) - 1;
  const torch::Tensor flat = weight_.detach().reshape({weight_.size(0), -1});
  torch::Tensor scale = std::get<0>(flat.abs().max(1)) * (shrink / top);
  scale = torch::where(scale > 0, scale, torch::ones_like(scale));  // constant channels
  const torch::Tensor each = by_channel(scale, weight_);
  return torch::clamp(torch::round(weight_.detach() / each), -top, top) * each;
}

torch::Tensor LayerImpl::quantised_input(const torch::Tensor& x, int bits) const {
  const double top = (1 << bits) - 1;
  const double scale = std::max((high_ - low_) / top, 1e-12);
  const double zero = std::round(-low_ / scale);
  return (torch::clamp(torch::round(x / scale) + zero, 0, top) - zero) * scale;
}

void LayerImpl::calibrate(const std::vector<int>& bits) {
  if (seen_.empty()) throw Error("calibration", "has seen no input of a layer");
  const torch::NoGradGuard no_gradient;
  const torch::Tensor inputs = torch::cat(seen_);
  torch::Tensor values = inputs.flatten();
  if (values.numel() > kept_values) {
    values = values.slice(0, 0, values.numel(), values.numel() / kept_values + 1);
  }
  values = std::get<0>(values.sort());
  const auto last = static_cast<double>(values.numel() - 1);
  low_ = std::min(0.0, values[static_cast<int64_t>(left_out * last)].item<double>());
  high_ = std::max(0.0, values[static_cast<int64_t>((1 - left_out) * last)].item<double>());
  const torch::Tensor few = inputs.slice(0, 0, 64);
  const torch::Tensor exact = apply(few, weight_);
  for (const int b : bits) {
    const torch::Tensor rounded = quantised_input(few, b);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 20; ++i) {
      const double shrink = 1.0 - 0.5 * i / 19;
      const double error =
          (apply(rounded, quantised_weight(b, shrink)) - exact).square().mean().item<double>();
      if (error >= least) continue;
      least = error;
      shrinks_[b] = shrink;
    }
  }
  seen_.clear();
}

void LayerImpl::set_bits(int bits) {
  if (bits != 16 && !shrinks_.contains(bits)) {
    throw Error("layer", "isn't calibrated for " + std::to_string(bits) + " bits");
  }
  if (bits == bits_) return;
  bits_ = bits;
  rounded_ = bits == 16 ? torch::Tensor() : quantised_weight(bits, shrinks_.at(bits));
}

torch::Tensor LayerImpl::rounding_error(int bits) const {
  return quantised_weight(bits, shrinks_.at(bits)) - weight_.detach();
}

}  // namespace betimes::systems::interlayer_ptq
