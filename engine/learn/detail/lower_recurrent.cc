// Recurrent layers: each layer of LibTorch's, both its directions, is one node of ONNX's. Cells of
// a single step need nothing here: LibTorch's tracer records their matrix products and activations.
#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

struct Kind {
  std::string op;
  Integers gates;          // LibTorch's gates in ONNX's order
  std::string activation;  // of a plain RNN
};

/// Where the operands stand: (x, state, params, has_biases, layers, dropout, training,
/// bidirectional, batch_first).
struct Layers {
  std::vector<at::Tensor> weights;
  bool biases = false, batch_first = false;
  int64_t count = 1, directions = 1;
};

Layers layers(const Call& call) {
  if (call.operands() != 9 || call.is_none(2)) {
    call.refuse("reads a packed sequence", "a padded tensor");
  }
  const auto weights = call.known_list(2);
  if (!weights) call.refuse("has weights that are computed", "parameters");
  if (call.flag(6) && call.real(5) != 0.0) call.refuse("is in training mode", "module.eval()");
  Layers found{*weights, call.flag(3), call.flag(8), call.integer(4), call.flag(7) ? 2 : 1};
  const size_t each = found.biases ? 4 : 2;
  if (found.weights.size() != each * static_cast<size_t>(found.count * found.directions)) {
    call.refuse("projects its state", "no proj_size");
  }
  return found;
}

at::Tensor reordered(const at::Tensor& weight, const Integers& gates) {
  const auto parts = weight.chunk(static_cast<int64_t>(gates.size()), 0);
  std::vector<at::Tensor> chosen;
  for (const int64_t gate : gates) chosen.push_back(parts[static_cast<size_t>(gate)]);
  return at::cat(chosen, 0);
}

/// W, R and (with biases) B of ONNX for layer `layer`, directions along axis 0.
std::vector<std::string> weights_of(const Call& call, const Kind& kind, const Layers& all,
                                    int64_t layer) {
  const size_t each = all.biases ? 4 : 2;
  std::vector<at::Tensor> input, state, bias;
  for (int64_t d = 0; d < all.directions; ++d) {
    const size_t at = each * static_cast<size_t>(layer * all.directions + d);
    const auto part = [&](size_t i) { return reordered(all.weights[at + i], kind.gates); };
    input.push_back(part(0));
    state.push_back(part(1));
    if (all.biases) bias.push_back(at::cat({part(2), part(3)}, 0));
  }
  auto& builder = call.builder();
  const size_t first = each * static_cast<size_t>(layer * all.directions);
  const auto name = [&](size_t i) {
    return builder.parameter_name(all.weights[first + i], "weight");
  };
  std::vector<std::string> names = {builder.constant(at::stack(input), name(0)),
                                    builder.constant(at::stack(state), name(1))};
  names.push_back(all.biases ? builder.constant(at::stack(bias), name(2)) : std::string());
  return names;
}

/// A value [layers * directions, N, H] cut into the layers' parts; empty names where it is a
/// constant zero, which is what ONNX assumes.
std::vector<std::string> states_of(const Call& call, const std::optional<at::Tensor>& known,
                                   const std::function<std::string()>& value, const Layers& all) {
  const auto count = static_cast<size_t>(all.count);
  if (known && !known->any().item<bool>()) return std::vector<std::string>(count);
  if (count == 1) return {value()};
  const std::string sizes = call.builder().constant(Integers(count, all.directions));
  return call.builder().add_many("Split", {value(), sizes}, {{"axis", int64_t{0}}}, count);
}

std::string swap_sequence_and_batch(const Call& call, const std::string& value) {
  return call.add("Transpose", {value}, {{"perm", Integers{1, 0, 2}}});
}

/// Y [T, D, N, H] of ONNX as [T, N, D * H].
std::string joined(const Call& call, const std::string& y, int64_t directions) {
  if (directions == 1) return call.add("Squeeze", {y, call.builder().constant(Integers{1})});
  const std::string order = call.add("Transpose", {y}, {{"perm", Integers{0, 2, 1, 3}}});
  return call.add("Reshape", {order, call.builder().constant(Integers{0, 0, -1})});
}

std::string concatenated(const Call& call, const std::vector<std::string>& parts) {
  return parts.size() == 1 ? parts[0] : call.add("Concat", parts, {{"axis", int64_t{0}}});
}

Attributes attributes_of(const Call& call, const Kind& kind, const Layers& all) {
  Attributes attributes = {{"hidden_size", all.weights[1].size(1)},
                           {"direction", all.directions == 2 ? "bidirectional" : "forward"}};
  if (kind.op == "GRU") attributes["linear_before_reset"] = int64_t{1};
  if (!kind.activation.empty()) {
    attributes["activations"] =
        std::vector<std::string>(static_cast<size_t>(all.directions), kind.activation);
  }
  if (call.rank(0) != 3) call.refuse("has an input without batch axis", "[T, N, C] or [N, T, C]");
  return attributes;
}

/// `states`: per layer the initial state, and for LSTMs the initial cell.
void add_layers(const Call& call, const Kind& kind, const Layers& all,
                const std::vector<std::vector<std::string>>& states) {
  const Attributes attributes = attributes_of(call, kind, all);
  std::string x = call.tensor(0);
  if (all.batch_first) x = swap_sequence_and_batch(call, x);
  std::vector<std::vector<std::string>> last(states.size());
  for (int64_t layer = 0; layer < all.count; ++layer) {
    std::vector<std::string> inputs = {x};
    for (std::string& name : weights_of(call, kind, all, layer)) inputs.push_back(std::move(name));
    inputs.emplace_back();  // all sequences are as long as the input
    for (const auto& state : states) inputs.push_back(state[static_cast<size_t>(layer)]);
    while (inputs.back().empty()) inputs.pop_back();
    const auto outputs = call.builder().add_many(kind.op, inputs, attributes, 1 + states.size());
    x = joined(call, outputs[0], all.directions);
    for (size_t s = 0; s < states.size(); ++s) last[s].push_back(outputs[s + 1]);
  }
  std::vector<std::string> results = {all.batch_first ? swap_sequence_and_batch(call, x) : x};
  for (const auto& parts : last) results.push_back(concatenated(call, parts));
  call.results(results);
}

std::function<void(const Call&)> recurrence(const Kind& kind) {
  return [kind](const Call& call) {
    const Layers all = layers(call);
    const auto state = [&] { return call.tensor(1); };
    add_layers(call, kind, all, {states_of(call, call.known(1), state, all)});
  };
}

void lstm(const Call& call) {
  const Layers all = layers(call);
  const Kind kind{"LSTM", {0, 3, 1, 2}, ""};
  std::vector<std::vector<std::string>> states;
  for (size_t i = 0; i < 2; ++i) {
    const auto state = [&] { return call.tensors(1).at(i); };
    states.push_back(states_of(call, call.known_in_list(1, i), state, all));
  }
  add_layers(call, kind, all, states);
}

}  // namespace

std::span<const Lowering> recurrent_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::gru", recurrence({"GRU", {1, 0, 2}, ""})},
      {"aten::lstm", lstm},
      {"aten::rnn_relu", recurrence({"RNN", {0}, "Relu"})},
      {"aten::rnn_tanh", recurrence({"RNN", {0}, "Tanh"})},
  };
  return list;
}

}  // namespace betimes::learn::detail
