#pragma once

#include <random>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"

/// Small graphs for the tests of this folder.
namespace betimes::fit::testing {

inline Tensor random_tensor(Shape shape, std::mt19937& random, float low = -1.0f,
                            float high = 1.0f) {
  Tensor tensor(DType::f32, std::move(shape));
  std::uniform_real_distribution<float> uniform(low, high);
  for (float& value : tensor.mutable_data<float>()) value = uniform(random);
  return tensor;
}

inline graph::ValueInfo value(const std::string& name, const std::vector<int64_t>& extents) {
  graph::ValueInfo info{name, DType::f32, std::vector<graph::Dim>{}};
  for (const int64_t extent : extents) {
    info.dims->push_back(extent >= 0 ? graph::Dim{extent, {}} : graph::Dim{-1, "N"});
  }
  return info;
}

/// A 3x3 convolution that keeps the picture's size; its weights are <name>_w and <name>_b.
inline graph::Node conv(const std::string& name, const std::string& input,
                        const std::string& output) {
  return {name,     "Conv",
          "",       {input, name + "_w", name + "_b"},
          {output}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}};
}

inline void add_weights(graph::Graph& graph, const std::string& name, int64_t out, int64_t in,
                        std::mt19937& random) {
  graph.constants[name + "_w"] = random_tensor({out, in, 3, 3}, random);
  graph.constants[name + "_b"] = random_tensor({out}, random);
}

/// x -> conv1 -> relu -> pool -> conv2 -> relu -> conv3 -> (+ pool) -> relu -> conv4 -> y: a
/// residual block behind a pool.
inline graph::Graph residual_graph(int64_t batch = 1, int64_t channels = 4, int64_t size = 8) {
  std::mt19937 random(3);
  graph::Graph graph;
  graph.name = "residual";
  graph.inputs = {value("x", {batch, 3, size, size})};
  graph.outputs = {value("y", {batch, channels, size / 2, size / 2})};
  const std::vector<int64_t> two = {2, 2};
  graph.nodes = {
      conv("conv1", "x", "a"),
      {"relu1", "Relu", "", {"a"}, {"b"}, {}},
      {"pool", "MaxPool", "", {"b"}, {"c"}, {{"kernel_shape", two}, {"strides", two}}},
      conv("conv2", "c", "d"),
      {"relu2", "Relu", "", {"d"}, {"e"}, {}},
      conv("conv3", "e", "f"),
      {"add", "Add", "", {"f", "c"}, {"g"}, {}},
      {"relu3", "Relu", "", {"g"}, {"h"}, {}},
      conv("conv4", "h", "y"),
  };
  add_weights(graph, "conv1", channels, 3, random);
  for (const char* name : {"conv2", "conv3", "conv4"}) {
    add_weights(graph, name, channels, channels, random);
  }
  graph::validate(graph);
  return graph;
}

}  // namespace betimes::fit::testing
