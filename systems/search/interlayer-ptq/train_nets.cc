#include "systems/search/interlayer-ptq/train_nets.h"

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::interlayer_ptq {
namespace {

using Options = LayerImpl::Options;

Options conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  return {in, out, kernel, stride, groups, true};
}
Options linear(int64_t in, int64_t out) { return {in, out, 0, 1, 1, false}; }

/// He et al. 2016: three stages of two blocks; a convolution over single positions where the shape
/// changes.
class ResNet : public NetImpl {
 public:
  ResNet() {
    stem_ = add("stem", conv(1, 16, 3));
    int64_t channels = 16;
    for (int stage = 0; stage < 3; ++stage) {
      for (int i = 0; i < 2; ++i) {
        const int64_t out = 16 << stage, stride = stage > 0 && i == 0 ? 2 : 1;
        const std::string name = "block" + std::to_string(blocks_.size());
        Block block;
        block.first = add(name + "_first", conv(channels, out, 3, stride));
        block.second = add(name + "_second", conv(out, out, 3));
        if (out != channels)
          block.shortcut = add(name + "_shortcut", conv(channels, out, 1, stride));
        blocks_.push_back(block);
        channels = out;
      }
    }
    head_ = add("head", linear(64, 10));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    torch::Tensor y = torch::relu(stem_->forward(x));
    for (Block& block : blocks_) {
      const torch::Tensor around = block.shortcut ? block.shortcut->forward(y) : y;
      y = torch::relu(block.second->forward(torch::relu(block.first->forward(y))) + around);
    }
    return head_->forward(y.mean({2, 3}));
  }

 private:
  struct Block {
    Layer first{nullptr}, second{nullptr}, shortcut{nullptr};
  };
  Layer stem_{nullptr}, head_{nullptr};
  std::vector<Block> blocks_;
};

/// Sandler et al. 2018: inverted bottlenecks; depthwise layers are the fragile ones.
class MobileNet : public NetImpl {
 public:
  MobileNet() {
    stem_ = add("stem", conv(1, 16, 3, 2));
    int64_t channels = 16;
    const struct {
      int64_t out, stride, expansion;
    } plan[] = {{16, 1, 1}, {24, 2, 4}, {24, 1, 4}, {40, 2, 4}, {40, 1, 4}, {64, 1, 4}};
    for (const auto& each : plan) {
      const std::string name = "block" + std::to_string(blocks_.size());
      const int64_t middle = channels * each.expansion;
      Block block;
      block.expand = add(name + "_expand", conv(channels, middle, 1));
      block.depthwise = add(name + "_depthwise", conv(middle, middle, 3, each.stride, middle));
      block.project = add(name + "_project", conv(middle, each.out, 1));
      block.around = each.stride == 1 && each.out == channels;
      blocks_.push_back(block);
      channels = each.out;
    }
    top_ = add("top", conv(channels, 128, 1));
    head_ = add("head", linear(128, 10));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    torch::Tensor y = torch::relu6(stem_->forward(x));
    for (Block& block : blocks_) {
      torch::Tensor z = torch::relu6(block.expand->forward(y));
      z = block.project->forward(torch::relu6(block.depthwise->forward(z)));
      y = block.around ? y + z : z;
    }
    return head_->forward(torch::relu6(top_->forward(y)).mean({2, 3}));
  }

 private:
  struct Block {
    Layer expand{nullptr}, depthwise{nullptr}, project{nullptr};
    bool around = false;
  };
  Layer stem_{nullptr}, top_{nullptr}, head_{nullptr};
  std::vector<Block> blocks_;
};

/// Dosovitskiy et al. 2021 in small: norms before, GELU, mean over patches.
class PatchTransformer : public NetImpl {
 public:
  PatchTransformer() {
    embed_ = add("embed", linear(patch * patch, width));
    position_ = register_parameter("position", torch::randn({1, 49, width}) * 0.02);
    for (int i = 0; i < 4; ++i) {
      const std::string name = "block" + std::to_string(i);
      Block block;
      block.qkv = add(name + "_qkv", linear(width, 3 * width));
      block.out = add(name + "_out", linear(width, width));
      block.up = add(name + "_up", linear(width, 2 * width));
      block.down = add(name + "_down", linear(2 * width, width));
      block.before = register_module(name + "_before", norm());
      block.between = register_module(name + "_between", norm());
      blocks_.push_back(block);
    }
    last_ = register_module("last", norm());
    head_ = add("head", linear(width, 10));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    const int64_t n = x.size(0);
    torch::Tensor y =
        x.reshape({n, 7, patch, 7, patch}).permute({0, 1, 3, 2, 4}).reshape({n, 49, patch * patch});
    y = embed_->forward(y) + position_;
    for (Block& block : blocks_) {
      y = y + block.out->forward(attention(block.qkv->forward(block.before->forward(y))));
      y = y + block.down->forward(torch::gelu(block.up->forward(block.between->forward(y))));
    }
    return head_->forward(last_->forward(y).mean(1));
  }

 private:
  static constexpr int64_t patch = 4, width = 128, heads = 4;
  static torch::nn::LayerNorm norm() {
    return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
  }
  static torch::Tensor attention(const torch::Tensor& qkv) {
    const int64_t n = qkv.size(0), length = qkv.size(1);
    const auto parts = qkv.reshape({n, length, 3, heads, width / heads}).permute({2, 0, 3, 1, 4});
    const torch::Tensor scores = torch::matmul(parts[0], parts[1].transpose(-1, -2)) /
                                 std::sqrt(static_cast<double>(width / heads));
    return torch::matmul(scores.softmax(-1), parts[2]).transpose(1, 2).reshape({n, length, width});
  }
  struct Block {
    Layer qkv{nullptr}, out{nullptr}, up{nullptr}, down{nullptr};
    torch::nn::LayerNorm before{nullptr}, between{nullptr};
  };
  Layer embed_{nullptr}, head_{nullptr};
  torch::Tensor position_;
  std::vector<Block> blocks_;
  torch::nn::LayerNorm last_{nullptr};
};

}  // namespace

Layer NetImpl::add(const std::string& name, const LayerImpl::Options& options) {
  Layer layer = register_module(name, Layer(options));
  layers_.push_back(layer.ptr());
  return layer;
}

std::vector<std::string> NetImpl::layer_names() const {
  std::vector<std::string> names;
  for (const auto& child : named_children()) {
    if (child.value()->as<LayerImpl>()) names.push_back(child.key());
  }
  return names;
}

void NetImpl::fold_norms() {
  for (const auto& layer : layers_) layer->fold_norm();
}

std::vector<std::string> net_names() {
  return {"resnet14", "mobilenetv2-mini", "patch-transformer"};
}

Net make_net(const std::string& name) {
  if (name == "resnet14") return std::make_shared<ResNet>();
  if (name == "mobilenetv2-mini") return std::make_shared<MobileNet>();
  if (name == "patch-transformer") return std::make_shared<PatchTransformer>();
  throw Error(name, "is no network here", "resnet14, mobilenetv2-mini or patch-transformer");
}

}  // namespace betimes::systems::interlayer_ptq
