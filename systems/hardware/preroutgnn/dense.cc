#include "systems/hardware/preroutgnn/dense.h"

#include <fmt/format.h>

#include "betimes/base/error.h"
#include "betimes/graph/builder.h"
#include "systems/hardware/preroutgnn/model.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr int64_t most_rows = 512;

graph::Graph make_graph(const Linears& layers, bool prepared, int64_t rows) {
  graph::Builder builder("layers");
  std::string value = builder.input("x", DType::f32, {rows, layers.front().in()});
  const std::string addend =
      prepared ? builder.input("prepared", DType::f32, {rows, layers.front().out()}) : "";
  for (size_t i = 0; i < layers.size(); ++i) {
    if (i > 0) value = builder.node("LeakyRelu", {value}, {{"alpha", static_cast<float>(leak)}});
    value = builder.node(
        "Gemm", {value, builder.constant(layers[i].weight), builder.constant(layers[i].bias)},
        {{"transB", int64_t{1}}});
    if (i == 0 && prepared) value = builder.node("Add", {value, addend});
  }
  return builder.finish({value});
}

}  // namespace

Linears find_linears(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                     const std::string& where) {
  Linears found;
  while (true) {
    const std::string own = fmt::format("{}{}.", prefix, found.size());
    const auto weight = tensors.find(own + "weight"), bias = tensors.find(own + "bias");
    if (weight == tensors.end() || bias == tensors.end()) break;
    const Shape &w = weight->second.shape(), &b = bias->second.shape();
    const bool fits = w.size() == 2 && b.size() == 1 && w[0] == b[0] && w[0] > 0 && w[1] > 0 &&
                      weight->second.dtype() == DType::f32 && bias->second.dtype() == DType::f32 &&
                      (found.empty() || w[1] == found.back().out());
    if (!fits) {
      throw Error(where, fmt::format("{}weight is {}", own, to_string(w)),
                  "layers that follow each other");
    }
    found.push_back({weight->second, bias->second});
  }
  if (found.empty()) {
    throw Error(where, fmt::format("lacks {}0.weight", prefix),
                "a model of betimes train preroutgnn");
  }
  return found;
}

Linear input_part(const Linear& layer, int64_t first, int64_t last, bool bias) {
  if (first < 0 || last < first || last > layer.in()) {
    throw Error("layer", fmt::format("has no inputs {} to {}", first, last),
                fmt::format("{} in all", layer.in()));
  }
  Linear part{Tensor(DType::f32, {layer.out(), last - first}), Tensor(DType::f32, {layer.out()})};
  const auto from = layer.weight.data<float>();
  const auto to = part.weight.mutable_data<float>();
  for (int64_t i = 0; i < layer.out(); ++i) {
    std::copy_n(from.begin() + i * layer.in() + first, last - first,
                to.begin() + i * (last - first));
  }
  if (bias) part.bias = layer.bias;
  return part;
}

Dense::Dense(Linears layers, bool prepared, int threads)
    : layers_(std::move(layers)),
      prepared_(prepared),
      threads_(threads),
      store_(std::make_shared<runtime::WeightStore>()) {
  if (layers_.empty()) throw Error("layers", "there are none");
}

int64_t Dense::rows_of_plan(int64_t left) {
  int64_t size = 8;
  while (size < left && size < most_rows) size *= 4;
  return std::min(size, most_rows);
}

runtime::Session& Dense::session_of(int64_t rows) {
  const auto found = sessions_.find(rows);
  if (found != sessions_.end()) return found->second;
  runtime::CompileOptions options;
  options.threads = threads_;
  options.store = store_;
  return sessions_
      .emplace(rows,
               runtime::Session(runtime::compile(make_graph(layers_, prepared_, rows), options)))
      .first->second;
}

size_t Dense::memory_bytes() const {
  size_t bytes = 0;
  std::vector<const runtime::Plan*> plans;
  for (const auto& [rows, session] : sessions_) {
    const runtime::PlanMemory& memory = session.plan().memory();
    bytes += memory.arena + memory.inputs_outputs;
    plans.push_back(&session.plan());
  }
  return bytes + runtime::weight_bytes(plans);
}

}  // namespace betimes::systems::preroutgnn
