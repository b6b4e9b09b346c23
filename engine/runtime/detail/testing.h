#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "betimes/graph/specialize.h"
#include "betimes/runtime/session.h"

/// What the runtime's tests share.
namespace betimes::runtime::testing {

inline std::string shared_folder() {
  const char* given = std::getenv("BETIMES_SHARED");
  return given && *given ? given : BETIMES_SOURCE_DIR "/../shared";
}

/// Largest |found - expected| beyond `absolute`, over the largest |expected|.
inline double relative_error(const Tensor& found, const Tensor& expected, double absolute = 0) {
  EXPECT_EQ(found.shape(), expected.shape());
  const Tensor a = found.cast(DType::f64);
  const Tensor b = expected.cast(DType::f64);
  double worst = 0;
  double scale = 1e-30;
  for (size_t i = 0; i < a.data<double>().size() && i < b.data<double>().size(); ++i) {
    const double x = a.data<double>()[i];
    const double y = b.data<double>()[i];
    if (std::isnan(x) != std::isnan(y)) return INFINITY;
    if (std::isnan(x) || x == y) continue;
    worst = std::max(worst, std::fabs(x - y) - absolute);
    scale = std::max(scale, std::fabs(y));
  }
  return worst / scale;
}

inline Tensor random_tensor(const Shape& shape, uint32_t seed, float low = -1.0f,
                            float high = 1.0f) {
  Tensor tensor(DType::f32, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  for (float& x : tensor.mutable_data<float>()) x = uniform(random);
  return tensor;
}

inline std::map<std::string, Tensor> random_inputs(const graph::Graph& graph, uint32_t seed) {
  std::map<std::string, Tensor> inputs;
  for (const graph::ValueInfo& input : graph.inputs) {
    Shape shape;
    for (const graph::Dim& dim : *input.dims) shape.push_back(dim.extent >= 0 ? dim.extent : 1);
    inputs[input.name] = random_tensor(shape, seed++).cast(input.dtype);
  }
  return inputs;
}

inline bool contains_step(const Plan& plan, const std::string& op) {
  for (const StepInfo& step : plan.steps()) {
    if (step.op == op) return true;
  }
  return false;
}

/// Builds small graphs by name.
class GraphBuilder {
 public:
  /// An extent of -1 is open: a symbol of its own.
  std::string input(const Shape& shape, const std::string& name = "x", DType type = DType::f32) {
    std::vector<graph::Dim> dims;
    for (const int64_t extent : shape) {
      dims.push_back({extent, extent < 0 ? name + std::to_string(dims.size()) : std::string()});
    }
    graph_.inputs.push_back({name, type, dims});
    return name;
  }
  template <class T>
  std::string constant(const Shape& shape, const std::vector<T>& values) {
    return constant(Tensor::from<T>(shape, values));
  }
  std::string constant(Tensor tensor) {
    const std::string name = std::string("c") + std::to_string(graph_.constants.size());
    graph_.constants[name] = std::move(tensor);
    return name;
  }
  std::string weights(const Shape& shape, float size = 0.5f) {
    return constant(random_tensor(shape, seed_++, -size, size));
  }
  std::string node(const std::string& op, std::vector<std::string> inputs,
                   std::map<std::string, graph::Attribute> attributes = {}) {
    const std::string name = std::string("n") + std::to_string(graph_.nodes.size());
    graph_.nodes.push_back(
        {name, op, "", std::move(inputs), {name + "_out"}, std::move(attributes)});
    return name + "_out";
  }
  graph::Graph finish(const std::vector<std::string>& outputs) {
    graph::Graph graph = graph_;
    for (const std::string& output : outputs) graph.outputs.push_back({output, DType::f32, {}});
    graph::validate(graph);
    return graph;
  }

 private:
  graph::Graph graph_;
  uint32_t seed_ = 100;
};

/// Compiles, runs, and compares with the operators' plain evaluators.
inline std::shared_ptr<const Plan> expect_same(const graph::Graph& graph,
                                               const CompileOptions& options = {},
                                               double tolerance = 1e-4) {
  const auto inputs = random_inputs(graph, 7);
  const auto expected = graph::evaluate(graph, inputs);
  const auto plan = compile(graph, options);
  Session session(plan);
  const auto found = session.run(inputs);
  for (const auto& [name, tensor] : expected) {
    EXPECT_LE(relative_error(found.at(name), tensor), tolerance) << "output " << name;
  }
  return plan;
}

}  // namespace betimes::runtime::testing
