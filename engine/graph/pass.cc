#include "betimes/graph/pass.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "betimes/base/error.h"

namespace betimes::graph {
namespace {

/// Types of values that a pass created, by inferring the whole graph anew.
void infer_again(StaticGraph& graph) {
  validate(graph.graph);
  remove_dead(graph.graph);
  std::map<std::string, Shape> shapes;
  for (const ValueInfo& input : graph.graph.inputs) {
    shapes[input.name] = graph.types.at(input.name).shape;
  }
  graph = specialize(graph.graph, shapes);
}

std::map<std::string, Tensor> random_inputs(const StaticGraph& graph) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::map<std::string, Tensor> inputs;
  for (const ValueInfo& input : graph.graph.inputs) {
    Tensor value(DType::f32, graph.types.at(input.name).shape);
    for (float& x : value.mutable_data<float>()) x = uniform(random);
    inputs[input.name] = value.cast(input.dtype);
  }
  return inputs;
}

/// Equal numbers, infinities included, and NaN both times are the same; NaN and a number never are.
bool close(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  // False where the difference is NaN, and where only one is infinite.
  return std::isfinite(a) && std::fabs(a - b) <= 1e-3 + 1e-3 * std::fabs(a);
}

void compare(const std::string& pass, const std::map<std::string, Tensor>& before,
             const std::map<std::string, Tensor>& after) {
  for (const auto& [name, tensor] : before) {
    const std::string changed = "pass " + pass + " changed output " + name;
    const Tensor& other = after.at(name);
    if (other.type() != tensor.type()) {
      throw std::logic_error(changed + " from " + to_string(tensor.type()) + " to " +
                             to_string(other.type()));
    }
    const Tensor expected = tensor.cast(DType::f64);
    const Tensor found = other.cast(DType::f64);
    const auto a = expected.data<double>();
    const auto b = found.data<double>();
    for (size_t i = 0; i < a.size(); ++i) {
      if (close(a[i], b[i])) continue;
      throw std::logic_error(changed + " at element " + std::to_string(i) + " from " +
                             std::to_string(a[i]) + " to " + std::to_string(b[i]));
    }
  }
}

}  // namespace

std::vector<PassReport> run_passes(StaticGraph& graph, const std::vector<Pass>& passes,
                                   const PassOptions& options) {
  for (const std::string& name : options.disabled) {
    const bool known = std::any_of(passes.begin(), passes.end(),
                                   [&](const Pass& pass) { return pass.name == name; });
    if (known) continue;
    std::string all;
    for (const Pass& pass : passes) all += (all.empty() ? "" : ", ") + pass.name;
    throw Error("pass " + name, "isn't known", "one of " + all);
  }
  std::map<std::string, Tensor> inputs;
  std::map<std::string, Tensor> expected;
  if (options.verify) {
    inputs = random_inputs(graph);
    expected = evaluate(graph.graph, inputs);
  }
  std::vector<PassReport> reports;
  for (const Pass& pass : passes) {
    if (options.disabled.contains(pass.name)) continue;
    const int changes = pass.run(graph);
    reports.push_back({pass.name, changes});
    if (changes == 0) continue;
    infer_again(graph);
    if (options.verify) compare(pass.name, expected, evaluate(graph.graph, inputs));
  }
  return reports;
}

}  // namespace betimes::graph
