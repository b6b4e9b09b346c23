#pragma once

#include <torch/nn.h>

#include <vector>

#include "systems/hardware/preroutgnn/model.h"
#include "systems/hardware/preroutgnn/train_graph.h"

// Parts of the auto-encoder and the predictor.

namespace betimes::systems::preroutgnn {

/// Linear layers with LeakyReLU between them: `hidden` wide, `layers` of those.
class MlpImpl : public torch::nn::Module {
 public:
  MlpImpl(int64_t in, int64_t hidden, int64_t layers, int64_t out);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::vector<torch::nn::Linear> layers_;
};
TORCH_MODULE(Mlp);

/// One layer of the auto-encoder: messages along all edges, both ways, behind a gate; their mean,
/// sum, minimum and maximum update the pin.
class CodeLayerImpl : public torch::nn::Module {
 public:
  CodeLayerImpl(int64_t in, int64_t hidden, int64_t out);
  /// nodes: f32 [N, in] -> [N, out].
  at::Tensor forward(const at::Tensor& nodes, const GraphTensors& graph);

 private:
  Mlp message_{nullptr}, update_{nullptr};
};
TORCH_MODULE(CodeLayer);

/// Encoder or decoder: layers between the first and the last read the input again, and add.
class CoderImpl : public torch::nn::Module {
 public:
  CoderImpl(int64_t in, int64_t out, const ModelOptions& options);
  at::Tensor forward(const at::Tensor& nodes, const GraphTensors& graph);

 private:
  std::vector<CodeLayer> layers_;
};
TORCH_MODULE(Coder);

/// NetConv: a sink hears its driver, then a driver its sinks, behind a gate, by sum and maximum.
/// Both add to what the pin had.
class NetConvImpl : public torch::nn::Module {
 public:
  NetConvImpl(int64_t width, int64_t hidden);
  /// pins: f32 [N, width] -> the same.
  at::Tensor forward(const at::Tensor& pins, const GraphTensors& graph);

 private:
  int64_t width_;
  Mlp to_sink_{nullptr}, to_driver_{nullptr}, update_{nullptr};
};
TORCH_MODULE(NetConv);

/// Reads the delay tables of cell edges.
class TableReaderImpl : public torch::nn::Module {
 public:
  /// `in`: width of what the query is made from.
  TableReaderImpl(int64_t in, const ModelOptions& options, std::span<const Arc> library,
                  const Statistics& statistics);
  /// query: f32 [E, in], arc: i64 [E] -> f32 [E, width()].
  at::Tensor forward(const at::Tensor& query, const at::Tensor& arc);
  int64_t width() const;

 private:
  at::Tensor attend(const at::Tensor& queries, const at::Tensor& arc);
  at::Tensor product(const at::Tensor& queries, const at::Tensor& arc);

  Reading reading_;
  int64_t tables_;
  // Of the library, not learned; f32 [arcs, tables], [arcs, tables, 14], [arcs, tables, 49].
  at::Tensor means_, axes_, values_;
  struct Entries;
  std::shared_ptr<const Entries> entries_;
  Mlp query_{nullptr}, weights_{nullptr};
  // Multi-head attention with keys and values of width 1.
  torch::nn::Linear project_{nullptr}, out_{nullptr};
  at::Tensor key_, value_, value_bias_;  // [32]
};
TORCH_MODULE(TableReader);

}  // namespace betimes::systems::preroutgnn
