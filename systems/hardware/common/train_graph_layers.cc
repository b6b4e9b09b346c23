#include "systems/hardware/common/train_graph_layers.h"

#include <fmt/format.h>

#include "betimes/base/error.h"
#include "systems/hardware/common/train_segments.h"

namespace betimes::systems::hardware {
namespace {

at::Tensor reduce(const at::Tensor& values, const at::Tensor& index, int64_t count,
                  Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::sum:
      return segment_sum(values, index, count);
    case Aggregate::mean:
      return segment_mean(values, index, count);
    case Aggregate::max:
      break;
  }
  return segment_max(values, index, count);
}

void check(const at::Tensor& nodes, const GraphBatch& batch) {
  if (nodes.dim() == 2 && nodes.size(0) == batch.nodes) return;
  throw Error("graph layer",
              fmt::format("was given {} rows", nodes.dim() > 0 ? nodes.size(0) : int64_t{0}),
              fmt::format("{}, one a node", batch.nodes));
}

}  // namespace

SageLayerImpl::SageLayerImpl(int64_t in, int64_t out, Aggregate aggregate)
    : aggregate_(aggregate),
      self_(register_module("self", torch::nn::Linear(in, out))),
      other_(register_module("other",
                             torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)))) {}

at::Tensor SageLayerImpl::forward(const at::Tensor& nodes, const GraphBatch& batch) {
  check(nodes, batch);
  const at::Tensor messages = nodes.index_select(0, batch.source);
  return self_(nodes) + other_(reduce(messages, batch.target, batch.nodes, aggregate_));
}

Gatv2LayerImpl::Gatv2LayerImpl(int64_t in, int64_t width, int64_t heads, double slope)
    : width_(width),
      heads_(heads),
      slope_(slope),
      left_(register_module("left", torch::nn::Linear(in, heads * width))),
      right_(register_module("right", torch::nn::Linear(in, heads * width))),
      attention_(register_parameter("attention", at::empty({heads, width}))),
      bias_(register_parameter("bias", at::zeros({heads * width}))) {
  torch::nn::init::xavier_uniform_(attention_);
}

at::Tensor Gatv2LayerImpl::forward(const at::Tensor& nodes, const GraphBatch& batch) {
  check(nodes, batch);
  const std::vector<int64_t> shape = {-1, heads_, width_};
  const at::Tensor from = right_(nodes).index_select(0, batch.source).view(shape);
  const at::Tensor to = left_(nodes).index_select(0, batch.target).view(shape);
  const at::Tensor scores = (at::leaky_relu(to + from, slope_) * attention_).sum(2);  // [E, heads]
  const at::Tensor share = segment_softmax(scores, batch.target, batch.nodes);
  const at::Tensor found =
      segment_sum((share.unsqueeze(2) * from).flatten(1), batch.target, batch.nodes);
  return found + bias_;
}

at::Tensor pool(const at::Tensor& nodes, const GraphBatch& batch, Aggregate aggregate) {
  check(nodes, batch);
  return reduce(nodes, batch.graph, batch.graphs, aggregate);
}

BlendedPoolingImpl::BlendedPoolingImpl()
    : weights_(register_parameter("weights", at::zeros({3}))) {}

at::Tensor BlendedPoolingImpl::forward(const at::Tensor& nodes, const GraphBatch& batch) {
  const at::Tensor share = weights_.softmax(0);
  return share[0] * pool(nodes, batch, Aggregate::sum) +
         share[1] * pool(nodes, batch, Aggregate::mean) +
         share[2] * pool(nodes, batch, Aggregate::max);
}

}  // namespace betimes::systems::hardware
