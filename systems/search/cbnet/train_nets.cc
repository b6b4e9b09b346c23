#include "systems/search/cbnet/train_nets.h"

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {
namespace {

namespace nn = torch::nn;

nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t padding = 0) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(padding));
}

at::Tensor relu_pool(const at::Tensor& x) { return torch::max_pool2d(torch::relu(x), 2); }

/// Rows of the largest L1 norm, in their own order.
at::Tensor strongest(const at::Tensor& weight, int64_t count) {
  const at::Tensor norms = weight.flatten(1).abs().sum(1);
  return std::get<0>(norms.argsort(/*dim=*/0, /*descending=*/true).slice(0, 0, count).sort());
}

/// Columns of a fully connected layer that belong to those channels of 2x2 maps.
at::Tensor columns_of(const at::Tensor& channels) {
  constexpr int64_t places = 4;
  return (channels.unsqueeze(1) * places + torch::arange(places)).flatten();
}

/// Hands on a layer's rows (outputs) and columns (inputs) under the same name.
class Cut {
 public:
  Cut(nn::Module& from, nn::Module& to)
      : from_(from.named_parameters()), to_(to.named_parameters()) {}
  /// Copies the strongest rows that the target has room for; returns which.
  at::Tensor layer(const std::string& name, const at::Tensor& columns) {
    const at::Tensor weight = from_[name + ".weight"].index_select(1, columns);
    at::Tensor& target = to_[name + ".weight"];
    if (target.size(0) > weight.size(0)) {
      throw Error("pruning", "would add channels to " + name, std::to_string(weight.size(0)));
    }
    const at::Tensor rows = strongest(weight, target.size(0));
    target.copy_(weight.index_select(0, rows));
    to_[name + ".bias"].copy_(from_[name + ".bias"].index_select(0, rows));
    return rows;
  }

 private:
  torch::OrderedDict<std::string, at::Tensor> from_, to_;
};

}  // namespace

FrontImpl::FrontImpl(const LenetWidths& widths) {
  check(widths);
  conv1_ = register_module("conv1", conv(1, widths.conv1, 5));
  branch_ = register_module("branch", conv(widths.conv1, widths.branch, 3));
  head_ = register_module("head", nn::Linear(25 * widths.branch, classes));
}

at::Tensor FrontImpl::shared(const at::Tensor& images) {
  return relu_pool(conv1_->forward(images));
}
at::Tensor FrontImpl::features(const at::Tensor& shared) {
  return relu_pool(branch_->forward(shared)).flatten(1);
}

TrunkImpl::TrunkImpl(const LenetWidths& widths) {
  check(widths);
  conv2_ = register_module("conv2", conv(widths.conv1, widths.conv2, 5));
  conv3_ = register_module("conv3", conv(widths.conv2, widths.conv3, 5, 2));
  hidden_ = register_module("hidden", nn::Linear(4 * widths.conv3, widths.hidden));
  head_ = register_module("head", nn::Linear(widths.hidden, classes));
}

at::Tensor TrunkImpl::forward(const at::Tensor& shared) {
  const at::Tensor maps = relu_pool(conv3_->forward(relu_pool(conv2_->forward(shared))));
  return head_->forward(torch::relu(hidden_->forward(maps.flatten(1))));
}

BranchyImpl::BranchyImpl(const LenetWidths& widths) : front(widths), trunk(widths) {
  register_module("front", front);
  register_module("trunk", trunk);
}

LenetImpl::LenetImpl(const LenetWidths& widths) : conv1_(conv(1, widths.conv1, 5)), trunk_(widths) {
  register_module("conv1", conv1_);
  register_module("trunk", trunk_);
}

at::Tensor LenetImpl::forward(const at::Tensor& images) {
  return trunk_->forward(relu_pool(conv1_->forward(images)));
}

ConverterImpl::ConverterImpl(const ConverterWidths& widths) {
  check(widths);
  encoder_ = nn::Sequential(nn::Linear(pixels, widths.hidden1), nn::ReLU(),
                            nn::Linear(widths.hidden1, widths.hidden2), nn::ReLU(),
                            nn::Linear(widths.hidden2, widths.code));
  if (widths.mirrored) {
    decoder_ = nn::Sequential(nn::Linear(widths.code, widths.hidden2), nn::ReLU(),
                              nn::Linear(widths.hidden2, widths.hidden1), nn::ReLU(),
                              nn::Linear(widths.hidden1, pixels));
  } else {
    decoder_ = nn::Sequential(nn::Linear(widths.code, pixels));
  }
  register_module("encoder", encoder_);
  register_module("decoder", decoder_);
}

at::Tensor ConverterImpl::encode(const at::Tensor& images) {
  return encoder_->forward(images.flatten(1));
}
at::Tensor ConverterImpl::decode(const at::Tensor& code) {
  return torch::sigmoid(decoder_->forward(code)).view({-1, 1, side, side});
}

ConvertedImpl::ConvertedImpl(Converter converter, Front front)
    : g(std::move(converter)), f(std::move(front)) {
  register_module("g", g);
  register_module("f", f);
}

PlainImpl::PlainImpl(const PlainWidths& widths) {
  check(widths);
  layers_ = nn::Sequential(nn::Linear(pixels, widths.hidden1), nn::ReLU(),
                           nn::Linear(widths.hidden1, widths.hidden2), nn::ReLU(),
                           nn::Linear(widths.hidden2, classes));
  register_module("layers", layers_);
}

Lenet pruned(Lenet& original, const LenetWidths& kept) {
  const torch::NoGradGuard no_gradient;
  Lenet small(kept);
  Cut cut(*original, *small);
  at::Tensor channels = cut.layer("conv1", torch::arange(1));
  channels = cut.layer("trunk.conv2", channels);
  channels = cut.layer("trunk.conv3", channels);
  const at::Tensor units = cut.layer("trunk.hidden", columns_of(channels));
  cut.layer("trunk.head", units);
  return small;
}

}  // namespace betimes::systems::cbnet
