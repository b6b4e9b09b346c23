// RNN (14), GRU (14), LSTM (14).
#include "betimes/graph/recurrent.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;
using Function = RecurrentFunction;

using enum RecurrentInput;

struct Kind {
  const char* op;
  int64_t gates;
  bool cell;  // carries a cell state beside the hidden one
  std::vector<std::string> functions;
};

const std::array<Kind, 3>& kinds() {
  static const std::array<Kind, 3> all = {{{"RNN", 1, false, {"Tanh"}},
                                           {"GRU", 3, false, {"Sigmoid", "Tanh"}},
                                           {"LSTM", 4, true, {"Sigmoid", "Tanh", "Tanh"}}}};
  return all;
}

const Kind& kind_of(const Node& node) {
  return *std::find_if(kinds().begin(), kinds().end(),
                       [&](const Kind& kind) { return node.op == kind.op; });
}

struct FunctionSpec {
  const char* name;
  Function::Kind kind;
  bool takes_alpha, takes_beta;
  float alpha, beta;  // where the node doesn't say
};

constexpr std::array<FunctionSpec, 11> function_specs = {{
    {"relu", Function::Kind::relu, false, false, 0, 0},
    {"tanh", Function::Kind::tanh, false, false, 0, 0},
    {"sigmoid", Function::Kind::sigmoid, false, false, 0, 0},
    {"affine", Function::Kind::affine, true, true, 1, 0},
    {"leakyrelu", Function::Kind::leaky_relu, true, false, 0.01f, 0},
    {"thresholdedrelu", Function::Kind::thresholded_relu, true, false, 1, 0},
    {"scaledtanh", Function::Kind::scaled_tanh, true, true, 1, 1},
    {"hardsigmoid", Function::Kind::hard_sigmoid, true, true, 0.2f, 0.5f},
    {"elu", Function::Kind::elu, true, false, 1, 0},
    {"softsign", Function::Kind::softsign, false, false, 0, 0},
    {"softplus", Function::Kind::softplus, false, false, 0, 0},
}};

/// The functions of all directions. Lists of alphas and betas are used up by those functions that
/// take one, in order.
std::vector<Function> functions_of(const NodeContext& context, const Kind& kind, size_t count) {
  auto names = context.node.get("activations", std::vector<std::string>{});
  if (names.empty()) {
    while (names.size() < count * kind.functions.size()) {
      names.insert(names.end(), kind.functions.begin(), kind.functions.end());
    }
  }
  if (names.size() != count * kind.functions.size()) {
    fail(context, "has " + std::to_string(names.size()) + " activations",
         std::to_string(count * kind.functions.size()));
  }
  const auto alphas = context.node.get("activation_alpha", std::vector<float>{});
  const auto betas = context.node.get("activation_beta", std::vector<float>{});
  size_t alpha = 0;
  size_t beta = 0;
  std::vector<Function> result;
  for (std::string name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto spec = std::find_if(function_specs.begin(), function_specs.end(),
                                   [&](const FunctionSpec& each) { return name == each.name; });
    if (spec == function_specs.end()) {
      fail(context, "activation '" + name + "' isn't known",
           "one of ONNX's list for " + context.node.op);
    }
    Function function{spec->kind, spec->alpha, spec->beta};
    if (spec->takes_alpha && alpha < alphas.size()) function.alpha = alphas[alpha++];
    if (spec->takes_beta && beta < betas.size()) function.beta = betas[beta++];
    result.push_back(function);
  }
  return result;
}

Shape by_direction(const Recurrence& r, Shape rest) {
  rest.insert(rest.begin(), r.directions);
  return rest;
}

/// [directions, batch, hidden], or [batch, directions, hidden] with layout 1.
Shape state_shape(const Recurrence& r) {
  if (r.batch_first) return {r.batch, r.directions, r.hidden};
  return {r.directions, r.batch, r.hidden};
}

void check_state(const NodeContext& context, const Recurrence& r, size_t input) {
  if (!context.present(input)) return;
  require_same_dtype(context, input, values);
  require_shape(context, input, state_shape(r));
}

void check_inputs(const NodeContext& context, const Recurrence& r) {
  require_same_dtype(context, weights, values);
  require_same_dtype(context, recurrences, values);
  require_shape(context, weights, by_direction(r, {r.gates * r.hidden, r.input}));
  require_shape(context, recurrences, by_direction(r, {r.gates * r.hidden, r.hidden}));
  if (context.present(biases)) {
    require_same_dtype(context, biases, values);
    require_shape(context, biases, by_direction(r, {2 * r.gates * r.hidden}));
  }
  if (context.present(lengths)) {
    require_dtype(context, lengths, DType::i32);
    require_shape(context, lengths, {r.batch});
  }
  check_state(context, r, initial_h);
  check_state(context, r, initial_c);
  if (context.present(peephole)) {
    require_same_dtype(context, peephole, values);
    require_shape(context, peephole, by_direction(r, {3 * r.hidden}));
  }
}

std::vector<TensorType> infer(const NodeContext& context) {
  const Recurrence r = recurrence_of(context);
  check_inputs(context, r);
  const DType dtype = context.type(values).dtype;
  const Shape all = r.batch_first ? Shape{r.batch, r.steps, r.directions, r.hidden}
                                  : Shape{r.steps, r.directions, r.batch, r.hidden};
  std::vector<TensorType> types = {{dtype, all}, {dtype, state_shape(r)}};
  if (kind_of(context.node).cell) types.push_back(types[1]);
  return types;
}

template <class T>
T apply(const Function& f, T x) {
  const T alpha = static_cast<T>(f.alpha);
  const T beta = static_cast<T>(f.beta);
  switch (f.kind) {
    case Function::Kind::relu:
      return x > 0 ? x : T{0};
    case Function::Kind::tanh:
      return std::tanh(x);
    case Function::Kind::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Function::Kind::affine:
      return alpha * x + beta;
    case Function::Kind::leaky_relu:
      return x < 0 ? alpha * x : x;
    case Function::Kind::thresholded_relu:
      return x > alpha ? x : T{0};
    case Function::Kind::scaled_tanh:
      return alpha * std::tanh(beta * x);
    case Function::Kind::hard_sigmoid:
      return std::clamp(alpha * x + beta, T{0}, T{1});
    case Function::Kind::elu:
      return x < 0 ? alpha * (std::exp(x) - 1) : x;
    case Function::Kind::softsign:
      return x / (1 + std::fabs(x));
    case Function::Kind::softplus:
      break;
  }
  return std::log1p(std::exp(-std::fabs(x))) + std::max(x, T{0});
}

/// One direction of one sequence of the batch: its parameters and its state, in the type that is
/// computed with.
template <class T>
class Sequence {
 public:
  using C = Compute<T>;

  Sequence(const Recurrence& r, std::span<const TensorView> inputs, int64_t direction)
      : r_(r),
        direction_(direction),
        w_(part(inputs, weights, r.gates * r.hidden * r.input)),
        u_(part(inputs, recurrences, r.gates * r.hidden * r.hidden)),
        b_(part(inputs, biases, 2 * r.gates * r.hidden)),
        p_(part(inputs, peephole, 3 * r.hidden)),
        gates_(static_cast<size_t>(r.gates * r.hidden)),
        h_(static_cast<size_t>(r.hidden)),
        c_(static_cast<size_t>(r.hidden)) {}

  void start(const T* h, const T* c) {
    for (size_t i = 0; i < h_.size(); ++i) {
      h_[i] = h ? load(h[i]) : C{0};
      c_[i] = c ? load(c[i]) : C{0};
    }
  }
  void step(const T* x) {
    if (r_.gates == 1) return rnn(x);
    if (r_.gates == 3) return gru(x);
    lstm(x);
  }
  void copy_h(T* to) const {
    std::transform(h_.begin(), h_.end(), to, [](C v) { return store<T>(v); });
  }
  void copy_c(T* to) const {
    std::transform(c_.begin(), c_.end(), to, [](C v) { return store<T>(v); });
  }

 private:
  const T* part(std::span<const TensorView> inputs, size_t input, int64_t count) const {
    if (input >= inputs.size() || inputs[input].data == nullptr) return nullptr;
    return inputs[input].as<const T>() + direction_ * count;
  }
  const Function& function(size_t i) const {
    const size_t each = r_.functions.size() / static_cast<size_t>(r_.directions);
    return r_.functions[static_cast<size_t>(direction_) * each + i];
  }
  C clipped(C x) const {
    const C limit = static_cast<C>(r_.clip);
    return r_.clip > 0 ? std::clamp(x, -limit, limit) : x;
  }
  C bias(int64_t row) const { return b_ ? load(b_[row]) : C{0}; }
  C recurrent_bias(int64_t row) const { return bias(r_.gates * r_.hidden + row); }
  C peep(int64_t gate, int64_t i) const {
    return p_ ? load(p_[gate * r_.hidden + i]) * c_[static_cast<size_t>(i)] : C{0};
  }
  C input_sum(int64_t row, const T* x) const {
    C sum = bias(row);
    for (int64_t k = 0; k < r_.input; ++k) sum += load(w_[row * r_.input + k]) * load(x[k]);
    return sum;
  }
  template <class State>
  C recurrent_sum(int64_t row, const State& h) const {
    C sum{0};
    for (int64_t k = 0; k < r_.hidden; ++k) {
      sum += load(u_[row * r_.hidden + k]) * h[static_cast<size_t>(k)];
    }
    return sum;
  }
  C& gate(int64_t g, int64_t i) { return gates_[static_cast<size_t>(g * r_.hidden + i)]; }

  void rnn(const T* x) {
    for (int64_t i = 0; i < r_.hidden; ++i) {
      gate(0, i) =
          apply(function(0), clipped(input_sum(i, x) + recurrent_sum(i, h_) + recurrent_bias(i)));
    }
    h_ = gates_;
  }

  void gru(const T* x) {
    enum : int64_t { update, reset, candidate };
    const int64_t n = r_.hidden;
    for (const int64_t g : {int64_t{update}, int64_t{reset}}) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t row = g * n + i;
        gate(g, i) = apply(
            function(0), clipped(input_sum(row, x) + recurrent_sum(row, h_) + recurrent_bias(row)));
      }
    }
    std::vector<C> kept = h_;
    for (int64_t i = 0; i < n; ++i) kept[static_cast<size_t>(i)] *= gate(reset, i);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = candidate * n + i;
      const C back = r_.linear_before_reset
                         ? gate(reset, i) * (recurrent_sum(row, h_) + recurrent_bias(row))
                         : recurrent_sum(row, kept) + recurrent_bias(row);
      gate(candidate, i) = apply(function(1), clipped(input_sum(row, x) + back));
    }
    for (int64_t i = 0; i < n; ++i) {
      const C z = gate(update, i);
      h_[static_cast<size_t>(i)] = (1 - z) * gate(candidate, i) + z * h_[static_cast<size_t>(i)];
    }
  }

  void lstm(const T* x) {
    enum : int64_t { in, out, forget, cell };
    const int64_t n = r_.hidden;
    for (int64_t row = 0; row < 4 * n; ++row) {
      gates_[static_cast<size_t>(row)] =
          input_sum(row, x) + recurrent_sum(row, h_) + recurrent_bias(row);
    }
    for (int64_t i = 0; i < n; ++i) {
      C& c = c_[static_cast<size_t>(i)];
      const C into = apply(function(0), clipped(gate(in, i) + peep(0, i)));
      const C kept =
          r_.input_forget ? 1 - into : apply(function(0), clipped(gate(forget, i) + peep(2, i)));
      c = kept * c + into * apply(function(1), clipped(gate(cell, i)));
      const C seen = apply(function(0), clipped(gate(out, i) + peep(1, i)));
      h_[static_cast<size_t>(i)] = seen * apply(function(2), c);
    }
  }

  const Recurrence& r_;
  int64_t direction_;
  const T* w_;
  const T* u_;
  const T* b_;
  const T* p_;
  std::vector<C> gates_, h_, c_;
};

/// All steps of one direction for the batch's sequence `b`.
template <class T>
void run_sequence(const Recurrence& r, int64_t direction, int64_t b, Sequence<T>& sequence,
                  std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto input = [&](size_t i) -> const T* {
    return i < inputs.size() ? inputs[i].as<const T>() : nullptr;
  };
  const int64_t state = r.state_offset(direction, b);
  const T* h = input(initial_h);
  const T* c = input(initial_c);
  sequence.start(h ? h + state : nullptr, c ? c + state : nullptr);
  const int32_t* given = lengths < inputs.size() ? inputs[lengths].as<const int32_t>() : nullptr;
  const int64_t length = given ? std::clamp<int64_t>(given[b], 0, r.steps) : r.steps;
  const bool backwards = r.reverse || direction == 1;
  T* y = outputs[0].as<T>();
  for (int64_t i = 0; i < r.steps; ++i) {
    if (i >= length) {  // behind a short sequence's end
      std::fill_n(y + r.output_offset(i, direction, b), r.hidden, T{});
      continue;
    }
    const int64_t t = backwards ? length - 1 - i : i;
    sequence.step(input(values) + r.input_offset(t, b));
    sequence.copy_h(y + r.output_offset(t, direction, b));
  }
  sequence.copy_h(outputs[1].as<T>() + state);
  if (outputs.size() > 2) sequence.copy_c(outputs[2].as<T>() + state);
}

/// A call allocates: it is the reference, not what runs fast.
Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  return Floats::dispatch(context.type(values).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [r = recurrence_of(context)](auto inputs, auto outputs) {
      for (int64_t direction = 0; direction < r.directions; ++direction) {
        Sequence<T> sequence(r, inputs, direction);
        for (int64_t b = 0; b < r.batch; ++b) {
          run_sequence<T>(r, direction, b, sequence, inputs, outputs);
        }
      }
    };
  });
}

Operator recurrent(const Kind& kind, std::vector<AttributeSpec> more) {
  Operator op;
  op.name = kind.op;
  op.min_inputs = 3;
  op.max_inputs = kind.cell ? 8 : 6;
  op.max_outputs = kind.cell ? 3 : 2;
  op.attributes = std::move(more);
  for (const AttributeSpec& spec :
       {AttributeSpec{"activation_alpha", AttributeKind::reals},
        AttributeSpec{"activation_beta", AttributeKind::reals},
        AttributeSpec{"activations", AttributeKind::texts},
        AttributeSpec{"clip", AttributeKind::real}, AttributeSpec{"direction", AttributeKind::text},
        AttributeSpec{"hidden_size", AttributeKind::integer},
        AttributeSpec{"layout", AttributeKind::integer}}) {
    op.attributes.push_back(spec);
  }
  op.types = Floats::list();
  op.infer = infer;
  op.prepare = prepare;
  return op;
}

}  // namespace

Recurrence recurrence_of(const NodeContext& context) {
  const Kind& kind = kind_of(context.node);
  require_rank(context, values, 3, 3);
  require_rank(context, recurrences, 3, 3);
  Recurrence r;
  r.gates = kind.gates;
  r.batch_first = flag(context, "layout", false);
  const Shape& x = context.shape(values);
  r.steps = x[r.batch_first ? 1 : 0];
  r.batch = x[r.batch_first ? 0 : 1];
  r.input = x[2];
  r.hidden = context.node.get("hidden_size", context.shape(recurrences)[2]);
  const std::string direction = context.node.get("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    fail(context, "direction is '" + direction + "'", "forward, reverse or bidirectional");
  }
  r.reverse = direction == "reverse";
  r.directions = direction == "bidirectional" ? 2 : 1;
  r.clip = context.node.get("clip", 0.0f);
  if (r.clip < 0) fail(context, "clip is negative", "a bound of the activations' inputs");
  r.linear_before_reset = flag(context, "linear_before_reset", false);
  r.input_forget = flag(context, "input_forget", false);
  r.functions = functions_of(context, kind, static_cast<size_t>(r.directions));
  return r;
}

void register_recurrent(OperatorRegistry& registry) {
  registry.add(recurrent(kinds()[0], {}));
  registry.add(recurrent(kinds()[1], {{"linear_before_reset", AttributeKind::integer}}));
  registry.add(recurrent(kinds()[2], {{"input_forget", AttributeKind::integer}}));
}

}  // namespace betimes::graph
