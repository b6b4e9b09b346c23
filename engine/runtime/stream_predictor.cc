#include "betimes/runtime/stream_predictor.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "betimes/base/error.h"

namespace betimes::runtime {
namespace {

using graph::ValueInfo;

bool same_type(const ValueInfo& a, const ValueInfo& b) {
  if (a.dtype != b.dtype) return false;
  if (!a.dims || !b.dims) return true;
  if (a.dims->size() != b.dims->size()) return false;
  for (size_t i = 0; i < a.dims->size(); ++i) {
    const graph::Dim& x = (*a.dims)[i];
    const graph::Dim& y = (*b.dims)[i];
    if (x.extent >= 0 && y.extent >= 0 && x.extent != y.extent) return false;
  }
  return true;
}

bool alike(const std::string& input, const std::string& output) {
  return output.find(input) != std::string::npos;
}

size_t index_of(const std::vector<ValueInfo>& values, const std::string& name,
                const std::string& what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == name) return i;
  }
  throw Error(what + " " + name, "isn't an " + what + " of the model");
}

std::vector<CarriedState> states_or_error(const graph::Graph& graph) {
  std::vector<CarriedState> states = find_states(graph);
  if (states.empty()) {
    throw Error("model " + graph.name, "has no output that looks like one of its inputs",
                "states named explicitly, or a model that carries none run as it is");
  }
  return states;
}

}  // namespace

std::vector<CarriedState> find_states(const graph::Graph& graph) {
  std::vector<CarriedState> states;
  std::set<std::string> taken;
  const auto unique = [&](const ValueInfo& input, bool by_name) {
    std::optional<std::string> found;
    for (const ValueInfo& output : graph.outputs) {
      if (taken.contains(output.name) || !same_type(input, output)) continue;
      if (by_name && !alike(input.name, output.name)) continue;
      if (found) return std::optional<std::string>();
      found = output.name;
    }
    return found;
  };
  std::map<std::string, std::string> by_input;
  for (const bool by_name : {true, false}) {
    for (size_t i = 1; i < graph.inputs.size(); ++i) {
      const ValueInfo& input = graph.inputs[i];
      const bool vector = input.dims && !input.dims->empty();
      if (by_input.contains(input.name) || !vector) continue;
      if (const auto output = unique(input, by_name)) {
        by_input[input.name] = *output;
        taken.insert(*output);
      }
    }
  }
  for (const ValueInfo& input : graph.inputs) {
    const auto output = by_input.find(input.name);
    if (output != by_input.end()) states.push_back({output->second, input.name});
  }
  return states;
}

StreamPredictor::StreamPredictor(const graph::Graph& graph, const CompileOptions& options,
                                 std::vector<CarriedState> states)
    : states_(std::move(states)), session_(compile(graph, options)) {
  for (const CarriedState& state : states_) {
    const size_t output = index_of(session_.plan().outputs(), state.output, "output");
    const size_t input = index_of(session_.plan().inputs(), state.input, "input");
    const TensorType& from = session_.outputs()[output].type;
    const TensorType& to = session_.inputs()[input].type;
    if (from != to) {
      throw Error("state " + state.output, "is " + to_string(from),
                  to_string(to) + ", as input " + state.input + " is");
    }
    moves_.emplace_back(output, input);
  }
  reset();
}

StreamPredictor::StreamPredictor(const graph::Graph& graph, const CompileOptions& options)
    : StreamPredictor(graph, options, states_or_error(graph)) {}

void StreamPredictor::reset() {
  for (const auto& [output, input] : moves_) {
    const TensorView& view = session_.inputs()[input];
    const size_t bytes = byte_size(view.type);
    if (bytes > 0) std::memset(view.data, 0, bytes);
  }
}

void StreamPredictor::advance() {
  session_.run();
  for (const auto& [output, input] : moves_) {
    const TensorView& from = session_.outputs()[output];
    const size_t bytes = byte_size(from.type);
    if (bytes > 0) std::memcpy(session_.inputs()[input].data, from.data, bytes);
  }
}

std::map<std::string, Tensor> StreamPredictor::push(const std::map<std::string, Tensor>& inputs) {
  const std::vector<ValueInfo>& declared = session_.plan().inputs();
  const auto is_state = [&](size_t i) {
    return std::any_of(moves_.begin(), moves_.end(), [&](const auto& m) { return m.second == i; });
  };
  size_t used = 0;
  for (size_t i = 0; i < declared.size(); ++i) {
    const auto given = inputs.find(declared[i].name);
    if (is_state(i)) {
      if (given == inputs.end()) continue;
      throw Error("input " + declared[i].name, "is a state, which the predictor carries");
    }
    if (given == inputs.end()) throw Error("input " + declared[i].name, "was not given");
    if (given->second.type() != session_.inputs()[i].type) {
      throw Error("input " + declared[i].name, "is " + to_string(given->second.type()),
                  to_string(session_.inputs()[i].type));
    }
    ++used;
  }
  if (used != inputs.size()) {
    for (const auto& [name, value] : inputs) index_of(declared, name, "input");
  }
  for (size_t i = 0; i < declared.size(); ++i) {
    if (is_state(i)) continue;
    const Tensor& value = inputs.at(declared[i].name);
    if (value.bytes() > 0) std::memcpy(session_.inputs()[i].data, value.raw(), value.bytes());
  }
  advance();
  std::map<std::string, Tensor> results;
  for (size_t i = 0; i < session_.outputs().size(); ++i) {
    const bool state =
        std::any_of(moves_.begin(), moves_.end(), [&](const auto& m) { return m.first == i; });
    if (state) continue;
    const TensorView& from = session_.outputs()[i];
    Tensor result(from.type);
    if (result.bytes() > 0) std::memcpy(result.mutable_raw(), from.data, result.bytes());
    results[session_.plan().outputs()[i].name] = std::move(result);
  }
  return results;
}

}  // namespace betimes::runtime
