#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "systems/hardware/common/train_graph_batch.h"

// Layers of graph networks: node features in, node features out.

namespace betimes::systems::hardware {

enum class Aggregate { sum, mean, max };

/// GraphSAGE's layer (Hamilton et al., NeurIPS 2017): W_self x_i + W_other agg_j x_j + b over the
/// nodes j that i has edges from; nothing arrives where there are none.
class SageLayerImpl : public torch::nn::Module {
 public:
  SageLayerImpl(int64_t in, int64_t out, Aggregate aggregate);
  /// nodes: f32 [N, in] -> [N, out].
  at::Tensor forward(const at::Tensor& nodes, const GraphBatch& batch);

 private:
  Aggregate aggregate_;
  torch::nn::Linear self_{nullptr}, other_{nullptr};
};
TORCH_MODULE(SageLayer);

/// Attention as of GATv2 (Brody et al., ICLR 2022), `heads` of them side by side:
///   e_ij = a^T LeakyReLU(W_l x_i + W_r x_j), alpha = softmax of e over the j that i has edges
///   from, itself among them; out_i = sum_j alpha_ij W_r x_j + b.
class Gatv2LayerImpl : public torch::nn::Module {
 public:
  /// The layer gives heads * width features.
  Gatv2LayerImpl(int64_t in, int64_t width, int64_t heads, double slope = 0.2);
  /// nodes: f32 [N, in] -> [N, heads * width]. `batch` must have self loops: with_self_loops().
  at::Tensor forward(const at::Tensor& nodes, const GraphBatch& batch);

 private:
  int64_t width_, heads_;
  double slope_;
  torch::nn::Linear left_{nullptr}, right_{nullptr};
  at::Tensor attention_;  // [heads, width]
  at::Tensor bias_;       // [heads * width]
};
TORCH_MODULE(Gatv2Layer);

/// One row a graph from its nodes' rows: [N, F] -> [graphs, F].
at::Tensor pool(const at::Tensor& nodes, const GraphBatch& batch, Aggregate aggregate);

/// Sum-, mean- and max-pooling, weighted by a softmax over three learned numbers.
class BlendedPoolingImpl : public torch::nn::Module {
 public:
  BlendedPoolingImpl();
  at::Tensor forward(const at::Tensor& nodes, const GraphBatch& batch);

 private:
  at::Tensor weights_;  // [3]
};
TORCH_MODULE(BlendedPooling);

}  // namespace betimes::systems::hardware
