#pragma once

#include <functional>

#include "betimes/graph/graph.h"
#include "systems/search/cbnet/train_nets.h"

namespace betimes::systems::cbnet {

/// A network as it is served: "image" f32 [N, 1, 28, 28] -> "logits" [N, 10].
graph::Graph served_graph(torch::nn::Module& net,
                          const std::function<at::Tensor(const at::Tensor&)>& forward);
template <class Impl>
graph::Graph served_graph(torch::nn::ModuleHolder<Impl> net) {
  return served_graph(*net, [&](const at::Tensor& images) { return net->forward(images); });
}

/// BranchyNet in two: "image" -> "logits" of exit 1 and "shared", the maps after conv1; "shared" ->
/// "logits" of exit 2.
struct BranchyGraphs {
  graph::Graph first, rest;
};
BranchyGraphs branchy_graphs(Branchy& net);

}  // namespace betimes::systems::cbnet
