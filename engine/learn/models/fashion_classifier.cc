#include "betimes/learn/models/fashion_classifier.h"

namespace betimes::learn {
namespace {

// No bias: the batch norm that follows has one.
torch::nn::Conv2d conv3x3(int64_t in, int64_t out, int64_t stride) {
  torch::nn::Conv2d conv(
      torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
  torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
  return conv;
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(int64_t channels) {
  first_ = register_module("first", conv3x3(channels, channels, 1));
  first_norm_ = register_module("first_norm", torch::nn::BatchNorm2d(channels));
  second_ = register_module("second", conv3x3(channels, channels, 1));
  second_norm_ = register_module("second_norm", torch::nn::BatchNorm2d(channels));
  // The block starts as the identity, which makes the first epochs steadier.
  torch::nn::init::zeros_(second_norm_->weight);
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& x) {
  const torch::Tensor hidden = torch::relu(first_norm_->forward(first_->forward(x)));
  return torch::relu(second_norm_->forward(second_->forward(hidden)) + x);
}

FashionClassifierImpl::FashionClassifierImpl(Widths widths) {
  using torch::nn::BatchNorm2d;
  stem_ = register_module("stem", conv3x3(1, widths.stem, 1));
  stem_norm_ = register_module("stem_norm", BatchNorm2d(widths.stem));
  to_middle_ = register_module("to_middle", conv3x3(widths.stem, widths.middle, 2));
  middle_norm_ = register_module("middle_norm", BatchNorm2d(widths.middle));
  middle_ = register_module("middle", ResidualBlock(widths.middle));
  to_top_ = register_module("to_top", conv3x3(widths.middle, widths.top, 2));
  top_norm_ = register_module("top_norm", BatchNorm2d(widths.top));
  top_ = register_module("top", ResidualBlock(widths.top));
  head_ = register_module("head", torch::nn::Linear(widths.top, 10));
}

torch::Tensor FashionClassifierImpl::forward(const torch::Tensor& x) {
  torch::Tensor h = torch::relu(stem_norm_->forward(stem_->forward(x)));
  h = torch::relu(middle_norm_->forward(to_middle_->forward(h)));
  h = middle_->forward(h);
  h = torch::relu(top_norm_->forward(to_top_->forward(h)));
  h = top_->forward(h);
  return head_->forward(torch::adaptive_avg_pool2d(h, {1, 1}).flatten(1));
}

}  // namespace betimes::learn
