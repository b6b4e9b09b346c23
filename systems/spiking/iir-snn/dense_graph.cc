#include "systems/spiking/iir-snn/iir_net.h"

// The net as an ordinary graph, for the runtime's dense kernels.

namespace betimes::systems::iir_snn {
namespace {

using graph::Graph;

/// Writes nodes one after the other; every value is named after its node.
class Writer {
 public:
  explicit Writer(Graph& graph) : graph_(graph) {}

  std::string node(const std::string& op, std::vector<std::string> inputs,
                   std::map<std::string, graph::Attribute> attributes = {}) {
    const std::string name = op + std::to_string(graph_.nodes.size());
    graph_.nodes.push_back({name, op, "", std::move(inputs), {name}, std::move(attributes)});
    return name;
  }
  std::string scalar(float value) {
    const std::string name = "scalar" + std::to_string(graph_.constants.size());
    graph_.constants[name] = Tensor::scalar(value);
    return name;
  }

 private:
  Graph& graph_;
};

/// A layer's weights as constants of the graph.
struct Placed {
  std::string weight, bias;
  bool dense = false;
  std::vector<int64_t> strides, pads;
};

std::vector<Placed> place(Graph& graph, const Net& net) {
  std::vector<Placed> placed;
  for (size_t i = 0; i < net.layers.size(); ++i) {
    const Layer& layer = net.layers[i];
    Placed at{"weight" + std::to_string(i), "bias" + std::to_string(i), false, {}, {}};
    at.dense = layer.weight.shape().size() == 2;
    // A convolution's kernel doesn't depend on the size of its map.
    const Kernel kernel = at.dense ? Kernel{layer.weight, 1, 0} : kernel_of(layer, 1, 1);
    at.strides.assign(2, kernel.stride);
    at.pads.assign(4, kernel.pad);
    graph.constants[at.weight] = kernel.weight;
    graph.constants[at.bias] = layer.bias;
    placed.push_back(at);
  }
  return placed;
}

std::string currents(Writer& write, const Placed& layer, bool first_dense, const std::string& in) {
  if (!layer.dense) {
    return write.node("Conv", {in, layer.weight, layer.bias},
                      {{"strides", layer.strides}, {"pads", layer.pads}});
  }
  const std::string rows = first_dense ? write.node("Flatten", {in}) : in;
  return write.node("Gemm", {rows, layer.weight, layer.bias}, {{"transB", int64_t{1}}});
}

/// Spikes of one step; `membrane` is what the step before left, and then what this one leaves.
std::string neurons(Writer& write, const Layer& layer, const std::string& current, bool last_step,
                    std::string& membrane) {
  std::string u = current;
  if (!membrane.empty()) {
    u = write.node("Add", {write.node("Mul", {membrane, write.scalar(layer.leak)}), current});
  }
  const std::string threshold = write.scalar(layer.threshold);
  const std::string fired = write.node("Greater", {u, threshold});
  const std::string spikes = write.node("Cast", {fired}, {{"to", int64_t{1}}});
  if (!last_step) {
    membrane = write.node("Sub", {u, write.node("Mul", {spikes, threshold})});
  }
  return spikes;
}

}  // namespace

Graph dense_graph(const Net& net, int64_t batch) {
  check(net);
  Graph graph;
  graph.name = "iir-snn";
  const auto fixed = [](std::vector<int64_t> extents) {
    std::vector<graph::Dim> dims;
    for (const int64_t extent : extents) dims.push_back({extent, {}});
    return dims;
  };
  graph.inputs = {{"image", DType::f32, fixed({batch, 1, net.height, net.width})}};
  graph.outputs = {{"logits", DType::f32, fixed({batch, net.classes()})}};
  const std::vector<Placed> placed = place(graph, net);
  Writer write(graph);
  const size_t layers = net.layers.size();
  const int64_t steps = std::max<int64_t>(net.time_steps, 1);
  // The image is the same at every step, and so are the first layer's currents.
  const std::string first = currents(write, placed[0], placed[0].dense, "image");
  std::vector<std::string> membranes(layers);
  std::string sum;
  for (int64_t t = 0; t < steps; ++t) {
    std::string value = first;
    for (size_t i = 0; i < layers; ++i) {
      if (i > 0) value = currents(write, placed[i], !placed[i - 1].dense, value);
      if (i + 1 == layers) break;
      value = net.time_steps == 0
                  ? write.node("Relu", {value})
                  : neurons(write, net.layers[i], value, t + 1 == steps, membranes[i]);
    }
    sum = sum.empty() ? value : write.node("Add", {sum, value});
  }
  graph.nodes.push_back({"logits", "Identity", "", {sum}, {"logits"}, {}});
  graph::validate(graph);
  return graph;
}

}  // namespace betimes::systems::iir_snn
