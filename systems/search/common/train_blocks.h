#pragma once

#include <torch/nn.h>

#include "betimes/graph/graph.h"
#include "systems/search/common/block_net.h"

namespace betimes::systems::search {

/// One layer as it is trained: [B, in, R, R] -> [B, out, R', R'], a classifier -> [B, out].
class BlockLayerImpl : public torch::nn::Module {
 public:
  BlockLayerImpl(const Layer& layer, double epsilon);
  torch::Tensor forward(const torch::Tensor& x);
  const Layer& layer() const { return layer_; }

 private:
  torch::nn::Sequential before_;  // up to the channels that are squeezed
  torch::nn::Conv2d reduce_{nullptr}, expand_{nullptr};
  torch::nn::Sequential after_;
  Layer layer_;
};
TORCH_MODULE(BlockLayer);

/// The whole network: images [B, C, R, R] in 0..1 -> logits [B, classes]. Images of another size
/// than the network's are resized (bilinear). Kernels start as He et al. (2015) say, the last batch
/// norm of each residual layer like the others.
class BlockModelImpl : public torch::nn::Module {
 public:
  explicit BlockModelImpl(const BlockNet& net);
  torch::Tensor forward(torch::Tensor x);
  const BlockNet& net() const { return net_; }

 private:
  BlockNet net_;
  torch::nn::ModuleList layers_;
};
TORCH_MODULE(BlockModel);

/// The graph that is served: "image" f32 [N, channels, size, size] -> "logits". Batch norms fold
/// into kernels when it is compiled.
graph::Graph served_graph(BlockModel& model, int size);
/// A layer by itself, for one image.
graph::Graph layer_graph(BlockLayer& layer);

}  // namespace betimes::systems::search
