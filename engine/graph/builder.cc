#include "betimes/graph/builder.h"

#include <fmt/format.h>

#include <utility>

namespace betimes::graph {

std::string Builder::input(const std::string& name, DType dtype, const Shape& shape) {
  ValueInfo info{name, dtype, std::vector<Dim>{}};
  for (const int64_t extent : shape) info.dims->push_back({extent, ""});
  graph_.inputs.push_back(std::move(info));
  return name;
}

std::string Builder::constant(Tensor tensor) {
  const std::string name = fmt::format("c{}", graph_.constants.size());
  graph_.constants.emplace(name, std::move(tensor));
  return name;
}

std::string Builder::integers(const std::vector<int64_t>& values) {
  return constant(Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
}

std::string Builder::node(const std::string& op, std::vector<std::string> inputs,
                          const std::map<std::string, Attribute>& attributes, size_t outputs) {
  const std::string name = fmt::format("{}_{}", op, graph_.nodes.size());
  std::vector<std::string> results = {fmt::format("{}_out", name)};
  for (size_t i = 1; i < outputs; ++i) results.push_back(fmt::format("{}_out{}", name, i));
  graph_.nodes.push_back({name, op, "", std::move(inputs), std::move(results), attributes});
  return graph_.nodes.back().outputs[0];
}

Graph Builder::finish(const std::vector<std::string>& outputs, DType dtype) {
  for (const std::string& name : outputs) graph_.outputs.push_back({name, dtype, std::nullopt});
  validate(graph_);
  return std::exchange(graph_, {});
}

}  // namespace betimes::graph
