// RNN, GRU and LSTM against ONNX's equations, written out in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Row = std::vector<double>;
using Function = std::function<double(double)>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double hyperbolic(double x) { return std::tanh(x); }

/// A call with everything that a recurrent operator may be given, and its sizes.
struct Problem {
  std::string op;
  DType dtype = DType::f32;
  std::string direction = "forward";
  int64_t steps = 1, batch = 1, input = 1, hidden = 1;
  bool biases = true, states = true, peepholes = false, lengths = false;
  bool layout = false, before_reset = false, coupled = false;
  double clip = 0;
  std::vector<std::string> activations = {};   // of one direction
  std::vector<Function> functions = {};        // the same
  std::vector<float> alphas = {}, betas = {};  // of all directions

  int64_t gates() const { return op == "RNN" ? 1 : op == "GRU" ? 3 : 4; }
  int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
};

Call call_of(const Problem& p, Random& random) {
  const auto tensor = [&](const Shape& shape) -> std::optional<Tensor> {
    return random_tensor(random, p.dtype, shape, -1, 1);
  };
  const Shape x = p.layout ? Shape{p.batch, p.steps, p.input} : Shape{p.steps, p.batch, p.input};
  const int64_t d = p.directions();
  const Shape state = p.layout ? Shape{p.batch, d, p.hidden} : Shape{d, p.batch, p.hidden};
  const int64_t rows = p.gates() * p.hidden;
  Call call{p.op, {tensor(x), tensor({d, rows, p.input}), tensor({d, rows, p.hidden})}};
  call.inputs.push_back(p.biases ? tensor({d, 2 * rows}) : std::nullopt);
  call.inputs.push_back(std::nullopt);
  if (p.lengths) {
    std::vector<int32_t> lengths;
    for (int64_t b = 0; b < p.batch; ++b) {
      lengths.push_back(static_cast<int32_t>(between(random, b == 0 ? p.steps : 0, p.steps)));
    }
    call.inputs.back() = Tensor::from<int32_t>({p.batch}, lengths);
  }
  call.inputs.push_back(p.states ? tensor(state) : std::nullopt);
  if (p.op == "LSTM") {
    call.inputs.push_back(p.states ? tensor(state) : std::nullopt);
    call.inputs.push_back(p.peepholes ? tensor({d, 3 * p.hidden}) : std::nullopt);
  }
  call.attributes = {{"hidden_size", p.hidden}, {"direction", p.direction}};
  if (p.layout) call.attributes["layout"] = int64_t{1};
  if (p.clip > 0) call.attributes["clip"] = static_cast<float>(p.clip);
  if (p.before_reset) call.attributes["linear_before_reset"] = int64_t{1};
  if (p.coupled) call.attributes["input_forget"] = int64_t{1};
  if (!p.activations.empty()) {
    std::vector<std::string> names;
    for (int64_t i = 0; i < d; ++i) {
      names.insert(names.end(), p.activations.begin(), p.activations.end());
    }
    call.attributes["activations"] = names;
  }
  if (!p.alphas.empty()) call.attributes["activation_alpha"] = p.alphas;
  if (!p.betas.empty()) call.attributes["activation_beta"] = p.betas;
  call.outputs = p.op == "LSTM" ? 3 : 2;
  return call;
}

/// The equations of ONNX's page of the operator for one step of one sequence.
class Reference {
 public:
  Reference(const Problem& p, const Call& call) : p_(p), call_(call) {
    for (const auto& input : call.inputs) {
      arrays_.push_back(input ? std::optional(Array(*input)) : std::nullopt);
    }
  }

  /// Y, Y_h and Y_c.
  std::vector<Array> outputs() {
    const int64_t d = p_.directions();
    Array y(p_.layout ? Shape{p_.batch, p_.steps, d, p_.hidden}
                      : Shape{p_.steps, d, p_.batch, p_.hidden});
    Array last(p_.layout ? Shape{p_.batch, d, p_.hidden} : Shape{d, p_.batch, p_.hidden});
    Array cell = last;
    for (direction_ = 0; direction_ < d; ++direction_) {
      for (int64_t b = 0; b < p_.batch; ++b) run(b, y, last, cell);
    }
    return {y, last, cell};
  }

 private:
  Index state_at(int64_t b, int64_t i) const {
    return p_.layout ? Index{b, direction_, i} : Index{direction_, b, i};
  }
  double given(size_t input, const Index& at) const {
    return input < arrays_.size() && arrays_[input] ? (*arrays_[input])(at) : 0;
  }

  void run(int64_t b, Array& y, Array& last, Array& cell) {
    h_.assign(static_cast<size_t>(p_.hidden), 0);
    c_ = h_;
    for (int64_t i = 0; i < p_.hidden; ++i) {
      h_[static_cast<size_t>(i)] = given(5, state_at(b, i));
      c_[static_cast<size_t>(i)] = given(6, state_at(b, i));
    }
    const auto length = p_.lengths ? static_cast<int64_t>((*arrays_[4])({b})) : p_.steps;
    const bool backwards = p_.direction == "reverse" || direction_ == 1;
    for (int64_t k = 0; k < length; ++k) {
      const int64_t t = backwards ? length - 1 - k : k;
      x_.clear();
      for (int64_t i = 0; i < p_.input; ++i) {
        x_.push_back((*arrays_[0])(p_.layout ? Index{b, t, i} : Index{t, b, i}));
      }
      step();
      for (int64_t i = 0; i < p_.hidden; ++i) {
        y(p_.layout ? Index{b, t, direction_, i} : Index{t, direction_, b, i}) =
            h_[static_cast<size_t>(i)];
      }
    }
    for (int64_t i = 0; i < p_.hidden; ++i) {
      last(state_at(b, i)) = h_[static_cast<size_t>(i)];
      cell(state_at(b, i)) = c_[static_cast<size_t>(i)];
    }
  }

  /// W x + Wb of a gate's row i, and R h + Rb.
  double from_input(int64_t gate, int64_t i) const {
    const int64_t row = gate * p_.hidden + i;
    double sum = given(3, {direction_, row});
    for (int64_t k = 0; k < p_.input; ++k) {
      sum += (*arrays_[1])({direction_, row, k}) * x_[static_cast<size_t>(k)];
    }
    return sum;
  }
  double from_state(int64_t gate, int64_t i, const Row& h) const {
    const int64_t row = gate * p_.hidden + i;
    double sum = given(3, {direction_, p_.gates() * p_.hidden + row});
    for (int64_t k = 0; k < p_.hidden; ++k) {
      sum += (*arrays_[2])({direction_, row, k}) * h[static_cast<size_t>(k)];
    }
    return sum;
  }
  double f(size_t which, double x) const {
    if (p_.clip > 0) x = std::min(std::max(x, -p_.clip), p_.clip);
    return p_.functions[which](x);
  }
  double peephole(int64_t gate, int64_t i) const {
    return given(7, {direction_, gate * p_.hidden + i}) * c_[static_cast<size_t>(i)];
  }

  void step() {
    Row h = h_;
    Row c = c_;
    Row reset(h_.size());
    if (p_.op == "GRU") {
      for (int64_t i = 0; i < p_.hidden; ++i) {
        reset[static_cast<size_t>(i)] = f(0, from_input(1, i) + from_state(1, i, h_));
      }
    }
    for (int64_t i = 0; i < p_.hidden; ++i) {
      const auto at = static_cast<size_t>(i);
      if (p_.op == "RNN") h[at] = f(0, from_input(0, i) + from_state(0, i, h_));
      if (p_.op == "GRU") {
        const double z = f(0, from_input(0, i) + from_state(0, i, h_));
        Row kept = h_;
        for (size_t k = 0; k < kept.size(); ++k) kept[k] *= reset[k];
        const double back =
            p_.before_reset ? reset[at] * from_state(2, i, h_) : from_state(2, i, kept);
        h[at] = (1 - z) * f(1, from_input(2, i) + back) + z * h_[at];
      }
      if (p_.op == "LSTM") lstm(i, h, c);
    }
    h_ = h;
    c_ = c;
  }

  void lstm(int64_t i, Row& h, Row& c) {
    const auto at = static_cast<size_t>(i);
    const double in = f(0, from_input(0, i) + from_state(0, i, h_) + peephole(0, i));
    double forget = f(0, from_input(2, i) + from_state(2, i, h_) + peephole(2, i));
    if (p_.coupled) forget = 1 - in;
    const double fresh = f(1, from_input(3, i) + from_state(3, i, h_));
    const double old = c_[at];
    c[at] = forget * old + in * fresh;
    c_[at] = c[at];  // the output gate's peephole sees the new cell
    const double out = f(0, from_input(1, i) + from_state(1, i, h_) + peephole(1, i));
    c_[at] = old;
    h[at] = out * p_.functions[2](c[at]);
  }

  const Problem& p_;
  const Call& call_;
  std::vector<std::optional<Array>> arrays_;
  int64_t direction_ = 0;
  Row x_, h_, c_;
};

void expect_right(const Problem& problem, Random& random) {
  const Call call = call_of(problem, random);
  SCOPED_TRACE(call.describe() + ", " + problem.direction);
  const std::vector<Array> expected = Reference(problem, call).outputs();
  const std::vector<Tensor> found = run(call);
  for (size_t i = 0; i < call.outputs; ++i) {
    SCOPED_TRACE(::testing::Message() << "output " << i);
    // Roundings add up over the steps and over the sums.
    expect_close(found[i], problem.dtype, expected[i], 40);
  }
}

std::vector<Function> usual(const std::string& op) {
  if (op == "RNN") return {hyperbolic};
  if (op == "GRU") return {sigmoid, hyperbolic};
  return {sigmoid, hyperbolic, hyperbolic};
}

void expect_random_ones_right(const std::string& op, uint64_t seed) {
  Random random(seed);
  const std::vector<std::string> directions = {"forward", "reverse", "bidirectional"};
  for (const DType dtype : types_of(op)) {
    for (int round = 0; round < 30; ++round) {
      Problem p{op, dtype};
      p.functions = usual(op);
      p.direction = directions[random.below(3)];
      p.steps = between(random, 0, 6);
      p.batch = between(random, 1, 4);
      p.input = between(random, 1, 7);
      p.hidden = between(random, 1, 7);
      p.biases = coin(random);
      p.states = coin(random);
      p.peepholes = coin(random);
      p.lengths = coin(random);
      p.layout = coin(random);
      p.before_reset = op == "GRU" && coin(random);
      p.coupled = op == "LSTM" && random.below(4) == 0;
      p.clip = coin(random) ? random.uniform(0.1, 1) : 0;
      p.clip = static_cast<double>(static_cast<float>(p.clip));
      expect_right(p, random);
    }
  }
}

TEST(RecurrentOperators, RNN_ComputesWhatOnnxSays) { expect_random_ones_right("RNN", 90); }
TEST(RecurrentOperators, GRU_ComputesWhatOnnxSays) { expect_random_ones_right("GRU", 91); }
TEST(RecurrentOperators, LSTM_ComputesWhatOnnxSays) { expect_random_ones_right("LSTM", 92); }

TEST(RecurrentOperators, RNN_HasEachActivation) {
  const std::vector<std::tuple<std::string, Function, std::vector<float>, std::vector<float>>> all =
      {{"Relu", [](double x) { return std::max(x, 0.0); }, {}, {}},
       {"tanh", hyperbolic, {}, {}},
       {"Sigmoid", sigmoid, {}, {}},
       {"Affine", [](double x) { return 0.5 * x + 0.25; }, {0.5f}, {0.25f}},
       {"LeakyRelu", [](double x) { return x < 0 ? double{0.01f} * x : x; }, {}, {}},
       {"ThresholdedRelu", [](double x) { return x > 0.125 ? x : 0; }, {0.125f}, {}},
       {"ScaledTanh", [](double x) { return 0.5 * std::tanh(2 * x); }, {0.5f}, {2.0f}},
       {"HardSigmoid",
        [](double x) { return std::min(1.0, std::max(0.0, double{0.2f} * x + 0.5)); },
        {},
        {}},
       {"Elu", [](double x) { return x < 0 ? 0.5 * (std::exp(x) - 1) : x; }, {0.5f}, {}},
       {"Softsign", [](double x) { return x / (1 + std::fabs(x)); }, {}, {}},
       {"Softplus", [](double x) { return std::log(1 + std::exp(x)); }, {}, {}}};
  Random random(93);
  for (const auto& [name, function, alpha, beta] : all) {
    SCOPED_TRACE(name);
    Problem p{"RNN"};
    p.direction = "bidirectional";
    p.steps = 4;
    p.batch = 2;
    p.input = 3;
    p.hidden = 5;
    p.activations = {name};
    p.functions = {function};
    for (int direction = 0; direction < 2; ++direction) {
      p.alphas.insert(p.alphas.end(), alpha.begin(), alpha.end());
      p.betas.insert(p.betas.end(), beta.begin(), beta.end());
    }
    expect_right(p, random);
  }
}

TEST(RecurrentOperators, LSTM_UsesAlphasInTheOrderOfTheActivationsThatTakeOne) {
  Random random(94);
  Problem p{"LSTM"};
  p.steps = 3;
  p.batch = 2;
  p.input = 2;
  p.hidden = 3;
  p.activations = {"HardSigmoid", "Tanh", "LeakyRelu"};
  p.alphas = {0.25f, 0.5f};
  p.betas = {0.75f};
  p.functions = {[](double x) { return std::min(1.0, std::max(0.0, 0.25 * x + 0.75)); }, hyperbolic,
                 [](double x) { return x < 0 ? 0.5 * x : x; }};
  expect_right(p, random);
}

TEST(RecurrentOperators, LSTM_RefusesWhatDoesNotFit) {
  const auto zeros = [](const Shape& shape) { return Tensor(DType::f32, shape); };
  const Call good{"LSTM", {zeros({2, 1, 3}), zeros({1, 8, 3}), zeros({1, 8, 2})}};
  EXPECT_NO_THROW(run(good));
  const auto with = [&](size_t input, const Tensor& value) {
    Call call = good;
    call.inputs.resize(std::max(call.inputs.size(), input + 1));
    call.inputs[input] = value;
    return call;
  };
  const auto having = [&](const std::string& key, const Attribute& value) {
    Call call = good;
    call.attributes[key] = value;
    return call;
  };
  expect_refused(with(0, zeros({2, 3})), "input 0");
  expect_refused(with(1, zeros({1, 8, 4})), "input 1");
  expect_refused(with(2, zeros({2, 8, 2})), "input 2");
  expect_refused(with(3, zeros({1, 8})), "input 3");
  expect_refused(with(4, zeros({1})), "int32");
  expect_refused(with(5, zeros({1, 1, 3})), "input 5");
  expect_refused(with(6, zeros({1, 2, 2})), "input 6");
  expect_refused(with(7, zeros({1, 5})), "input 7");
  expect_refused(with(5, Tensor(DType::f64, {1, 1, 2})), "float32");
  expect_refused(having("hidden_size", int64_t{3}), "input 1");
  expect_refused(having("direction", std::string("sideways")), "sideways");
  expect_refused(having("activations", std::vector<std::string>{"Tanh"}), "activations");
  expect_refused(having("activations", std::vector<std::string>{"Tanh", "Tanh", "Gelu"}), "gelu");
  expect_refused(having("clip", -1.0f), "clip");
  expect_refused(having("layout", int64_t{2}), "layout");
}

}  // namespace
}  // namespace betimes::graph
