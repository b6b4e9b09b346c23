#pragma once

#include <torch/nn.h>

#include "betimes/learn/checkpoint.h"
#include "systems/search/cbnet/nets.h"

// CBNet's networks as they are trained. Images are f32 [B, 1, 28, 28] in 0..1, answers are logits
// [B, 10].

namespace betimes::systems::cbnet {

/// f: conv1, the branch and exit 1.
class FrontImpl : public torch::nn::Module {
 public:
  explicit FrontImpl(const LenetWidths& widths);
  /// Maps after conv1, ReLU and pooling, [B, conv1, 12, 12]: what the trunk goes on from.
  at::Tensor shared(const at::Tensor& images);
  /// What exit 1's last layer sees, [B, 25 * branch]: the exit's feature space.
  at::Tensor features(const at::Tensor& shared);
  at::Tensor answer(const at::Tensor& features) { return head_->forward(features); }
  at::Tensor forward(const at::Tensor& images) { return answer(features(shared(images))); }

 private:
  torch::nn::Conv2d conv1_{nullptr}, branch_{nullptr};
  torch::nn::Linear head_{nullptr};
};
TORCH_MODULE(Front);

/// From the maps after conv1 to exit 2.
class TrunkImpl : public torch::nn::Module {
 public:
  explicit TrunkImpl(const LenetWidths& widths);
  at::Tensor forward(const at::Tensor& shared);

 private:
  torch::nn::Conv2d conv2_{nullptr}, conv3_{nullptr};
  torch::nn::Linear hidden_{nullptr}, head_{nullptr};
};
TORCH_MODULE(Trunk);

/// Both exits. forward() is exit 2.
struct BranchyImpl : torch::nn::Module {
  explicit BranchyImpl(const LenetWidths& widths);
  at::Tensor forward(const at::Tensor& images) { return trunk->forward(front->shared(images)); }

  Front front;
  Trunk trunk;
};
TORCH_MODULE(Branchy);

/// conv1 and the trunk: BranchyNet without its branch.
class LenetImpl : public torch::nn::Module {
 public:
  explicit LenetImpl(const LenetWidths& widths);
  at::Tensor forward(const at::Tensor& images);

 private:
  torch::nn::Conv2d conv1_{nullptr};
  Trunk trunk_{nullptr};
};
TORCH_MODULE(Lenet);

/// g: images -> images of the same shape, each pixel within 0..1.
class ConverterImpl : public torch::nn::Module {
 public:
  explicit ConverterImpl(const ConverterWidths& widths);
  at::Tensor encode(const at::Tensor& images);
  at::Tensor decode(const at::Tensor& code);
  at::Tensor forward(const at::Tensor& images) { return decode(encode(images)); }

 private:
  torch::nn::Sequential encoder_, decoder_;
};
TORCH_MODULE(Converter);

/// f(g(x)), as it is served. Parameters are called "g...." and "f....".
struct ConvertedImpl : torch::nn::Module {
  ConvertedImpl(Converter converter, Front front);
  at::Tensor forward(const at::Tensor& images) { return f->forward(g->forward(images)); }

  Converter g;
  Front f;
};
TORCH_MODULE(Converted);

/// The rival of equal cost.
class PlainImpl : public torch::nn::Module {
 public:
  explicit PlainImpl(const PlainWidths& widths);
  at::Tensor forward(const at::Tensor& images) { return layers_->forward(images.flatten(1)); }

 private:
  torch::nn::Sequential layers_;
};
TORCH_MODULE(Plain);

/// A copy with weights of its own: f is tuned without touching BranchyNet.
template <class Holder, class Widths>
Holder copy_of(const Holder& net, const Widths& widths) {
  Holder copy(widths);
  learn::load_module(*copy, learn::module_tensors(*net));
  return copy;
}

/// A LeNet of which only the channels with the largest L1 norms of their incoming weights remain
/// (Li et al., Pruning Filters for Efficient ConvNets, 2017). Throws Error for widths above the
/// original's.
Lenet pruned(Lenet& original, const LenetWidths& kept);

}  // namespace betimes::systems::cbnet
