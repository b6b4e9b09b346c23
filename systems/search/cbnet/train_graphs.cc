#include "systems/search/cbnet/train_graphs.h"

#include <torch/utils.h>

#include "betimes/learn/trace.h"

namespace betimes::systems::cbnet {
namespace {

learn::TraceOptions named(std::vector<std::string> inputs, std::vector<std::string> outputs) {
  learn::TraceOptions options;
  options.name = "cbnet";
  options.inputs = std::move(inputs);
  options.outputs = std::move(outputs);
  return options;
}

at::Tensor example() { return torch::rand({1, 1, side, side}); }

}  // namespace

graph::Graph served_graph(torch::nn::Module& net,
                          const std::function<at::Tensor(const at::Tensor&)>& forward) {
  const auto all = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{forward(inputs[0])};
  };
  return learn::trace(net, all, {example()}, named({"image"}, {"logits"}));
}

BranchyGraphs branchy_graphs(Branchy& net) {
  const auto first = [&](const std::vector<at::Tensor>& inputs) {
    const at::Tensor shared = net->front->shared(inputs[0]);
    return std::vector<at::Tensor>{net->front->answer(net->front->features(shared)), shared};
  };
  const auto rest = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{net->trunk->forward(inputs[0])};
  };
  const torch::NoGradGuard no_gradient;
  const at::Tensor shared = net->front->shared(example());
  return {learn::trace(*net, first, {example()}, named({"image"}, {"logits", "shared"})),
          learn::trace(*net, rest, {shared}, named({"shared"}, {"logits"}))};
}

}  // namespace betimes::systems::cbnet
