#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/panels.h"

namespace betimes::runtime {
namespace {

using testing::expect_same;
using testing::GraphBuilder;
using testing::random_tensor;
using Texts = std::vector<std::string>;

/// A node of one of the recurrent operators, described by what differs between the cases.
struct Case {
  std::string op = "LSTM";
  int64_t steps = 3, batch = 2, input = 5, hidden = 7;
  std::string direction = "forward";
  bool state = true, bias = true, peepholes = false, batch_first = false;
  std::map<std::string, graph::Attribute> more = {};

  int64_t gates() const { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }
  int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
  Shape state_shape() const {
    return batch_first ? Shape{batch, directions(), hidden} : Shape{directions(), batch, hidden};
  }
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.op << " " << c.direction << " steps " << c.steps << " batch " << c.batch
             << " input " << c.input << " hidden " << c.hidden << " state " << c.state << " bias "
             << c.bias << " layout " << c.batch_first;
}

graph::Graph graph_of(const Case& c, const Tensor* lengths = nullptr) {
  GraphBuilder build;
  const int64_t n = c.gates() * c.hidden;
  const int64_t d = c.directions();
  // Larger ones would make a chaotic system, which no two orders of addition leave alike.
  const float size = 1.5f / std::sqrt(static_cast<float>(c.input + c.hidden));
  const std::string x = build.input(c.batch_first ? Shape{c.batch, c.steps, c.input}
                                                  : Shape{c.steps, c.batch, c.input});
  Texts inputs = {
      x, build.weights({d, n, c.input}, size), build.weights({d, n, c.hidden}, size), "", "", ""};
  if (c.bias) inputs[3] = build.weights({d, 2 * n});
  if (lengths) inputs[4] = build.constant(*lengths);
  if (c.state) inputs[5] = build.input(c.state_shape(), "h");
  if (c.op == "LSTM") inputs.push_back(c.state ? build.input(c.state_shape(), "c") : "");
  if (c.peepholes) inputs.push_back(build.weights({d, 3 * c.hidden}));
  auto attributes = c.more;
  attributes["hidden_size"] = c.hidden;
  attributes["direction"] = c.direction;
  attributes["layout"] = int64_t{c.batch_first};
  graph::Graph graph = build.finish({build.node(c.op, inputs, attributes)});
  Texts more = {"last_h"};
  if (c.op == "LSTM") more.emplace_back("last_c");
  for (const std::string& name : more) {
    graph.nodes.back().outputs.push_back(name);
    graph.outputs.push_back({name, DType::f32, {}});
  }
  graph::validate(graph);
  return graph;
}

std::string kernel_of(const Plan& plan, const std::string& op) {
  for (const StepInfo& step : plan.steps()) {
    if (step.op == op) return step.kernel;
  }
  return {};
}

void check(const Case& c, int threads = 1) {
  SCOPED_TRACE(::testing::Message() << c << " threads " << threads);
  CompileOptions options;
  options.threads = threads;
  const auto plan = expect_same(graph_of(c), options, 5e-6);
  EXPECT_EQ(kernel_of(*plan, c.op).rfind("panels ", 0), 0U) << kernel_of(*plan, c.op);
}

void check_directions(Case c) {
  for (const char* direction : {"forward", "reverse", "bidirectional"}) {
    c.direction = direction;
    check(c);
  }
}

TEST(Recurrent, RandomShapesAgreeWithTheEvaluator) {
  std::mt19937 random(5);
  const auto up_to = [&](int64_t most) {
    return std::uniform_int_distribution<int64_t>(1, most)(random);
  };
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    for (int i = 0; i < 40; ++i) {
      Case c{op, up_to(6), up_to(7), up_to(40), up_to(70)};
      c.state = i % 3 != 0;
      c.bias = i % 4 != 0;
      c.batch_first = i % 2 == 1;
      c.peepholes = i % 5 == 0 && c.op == "LSTM";
      if (i % 3 == 1) c.more["clip"] = 0.5f;
      if (i % 4 == 1 && c.op == "LSTM") c.more["input_forget"] = int64_t{1};
      if (i % 2 == 0 && c.op == "GRU") c.more["linear_before_reset"] = int64_t{1};
      check_directions(c);
    }
  }
}

TEST(Recurrent, OneUnitOneStepOneInput) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) check_directions({op, 1, 1, 1, 1});
}

TEST(Recurrent, StreamingAndWholeSequences) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    check({op, 1, 1, 128, 128});
    check({op, 50, 1, 40, 64});
    check({op, 20, 9, 33, 48});
  }
}

TEST(Recurrent, SeveralThreads) {
  for (int threads = 2; threads <= std::min(cpu_info().cpus, 3); ++threads) {
    for (const char* op : {"LSTM", "GRU", "RNN"}) {
      check({op, 3, 2, 65, 521}, threads);
      check({op, 3, 2, 65, 521, "bidirectional"}, threads);
      check({op, 4, 5, 65, 129, "bidirectional"}, threads);
    }
  }
}

TEST(Recurrent, EveryFunctionInEveryPlace) {
  const Texts names = {
      "Relu",       "Tanh",        "Sigmoid", "Affine",  "LeakyRelu", "ThresholdedRelu",
      "ScaledTanh", "HardSigmoid", "Elu",     "Softsign"};
  for (size_t i = 0; i < names.size(); ++i) {
    const auto name = [&](size_t j) { return names[(i + j) % names.size()]; };
    const std::vector<float> alphas = {0.7f, 0.4f, 0.3f};
    const std::vector<float> betas = {0.2f, 0.1f, 0.6f};
    check({"RNN",
           2,
           3,
           4,
           17,
           "forward",
           true,
           true,
           false,
           false,
           {{"activations", Texts{name(0)}},
            {"activation_alpha", alphas},
            {"activation_beta", betas}}});
    check({"GRU",
           2,
           3,
           4,
           17,
           "bidirectional",
           true,
           true,
           false,
           false,
           {{"activations", Texts{name(0), name(1), name(2), name(3)}}}});
    check({"LSTM",
           2,
           3,
           4,
           17,
           "forward",
           true,
           true,
           true,
           false,
           {{"activations", Texts{name(0), name(1), name(2)}}, {"activation_alpha", alphas}}});
  }
}

TEST(Recurrent, LargeAndTinyNumbers) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    const graph::Graph graph = graph_of({op, 4, 2, 5, 18});
    // A large number's rounding is large beside what a gate tells apart.
    for (const float size : {1e-6f, 1e-3f, 30.0f, 1e4f}) {
      SCOPED_TRACE(::testing::Message() << op << " " << size);
      std::map<std::string, Tensor> inputs = testing::random_inputs(graph, 3);
      for (float& x : inputs.at("x").mutable_data<float>()) x *= size;
      const auto expected = graph::evaluate(graph, inputs);
      Session session(compile(graph));
      const auto found = session.run(inputs);
      for (const auto& [name, tensor] : expected) {
        EXPECT_LE(testing::relative_error(found.at(name), tensor), size > 100 ? 1e-3 : 1e-5)
            << name;
      }
    }
  }
}

TEST(Recurrent, OtherNodesAreLeftToTheEvaluator) {
  Case c{"LSTM", 4, 2, 3, 5};
  const Tensor full = Tensor::from<int32_t>({2}, {4, 4});
  EXPECT_EQ(kernel_of(*expect_same(graph_of(c, &full)), "LSTM").rfind("panels ", 0), 0U);
  const Tensor uneven = Tensor::from<int32_t>({2}, {4, 2});
  EXPECT_NE(kernel_of(*expect_same(graph_of(c, &uneven)), "LSTM").rfind("panels ", 0), 0U);
  c = {"RNN", 4, 2, 3, 5};
  c.more["activations"] = Texts{"Softplus"};
  EXPECT_NE(kernel_of(*expect_same(graph_of(c)), "RNN").rfind("panels ", 0), 0U);
  c = {"GRU", 0, 2, 3, 5};
  EXPECT_NE(kernel_of(*expect_same(graph_of(c)), "GRU").rfind("panels ", 0), 0U);
}

TEST(Recurrent, ASessionRunsTwiceAlike) {
  const graph::Graph graph = graph_of({"GRU", 3, 2, 5, 33, "bidirectional", false});
  const auto inputs = testing::random_inputs(graph, 3);
  Session session(compile(graph));
  const auto first = session.run(inputs);
  const auto second = session.run(inputs);
  for (const auto& [name, tensor] : first) {
    EXPECT_EQ(testing::relative_error(second.at(name), tensor), 0) << name;
  }
}

/// Weights [inner, columns] as PanelLoops want them.
Tensor packed(const Tensor& weights, int64_t vectors, int64_t width) {
  const int64_t inner = weights.shape()[0];
  const int64_t columns = weights.shape()[1];
  const int64_t wide = vectors * width;
  Tensor result(DType::f32, {(columns + wide - 1) / wide, inner, wide});
  std::ranges::fill(result.mutable_data<float>(), 0.0f);
  for (int64_t k = 0; k < inner; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      result.mutable_data<float>()[static_cast<size_t>((c / wide * inner + k) * wide + c % wide)] =
          weights.data<float>()[static_cast<size_t>(k * columns + c)];
    }
  }
  return result;
}

void check_product(const PanelLoops& loops, int64_t vectors, int64_t rows, int64_t inner,
                   int64_t columns) {
  const Tensor in = random_tensor({rows, inner}, 1);
  const Tensor weights = random_tensor({inner, columns}, 2);
  const Tensor panels = packed(weights, vectors, loops.width);
  Tensor found(DType::f32, {rows, columns});
  PanelProduct product;
  product.panels = {panels.data<float>().data(), inner, vectors};
  product.rows = rows;
  product.columns = product.out_stride = columns;
  product.in = in.data<float>().data();
  product.in_stride = inner;
  product.out = found.mutable_data<float>().data();
  loops.product(product, 0, panels.shape()[0]);
  Tensor expected(DType::f64, {rows, columns});
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += static_cast<double>(in.data<float>()[static_cast<size_t>(r * inner + k)]) *
               weights.data<float>()[static_cast<size_t>(k * columns + c)];
      }
      expected.mutable_data<double>()[static_cast<size_t>(r * columns + c)] = sum;
    }
  }
  EXPECT_LE(testing::relative_error(found, expected), 1e-5);
}

TEST(Panels, ProductsAgreeAtEveryLevel) {
  for (const PanelLoops* loops : all_panel_loops()) {
    for (int64_t vectors = 1; vectors <= 4; ++vectors) {
      for (const int64_t rows : {1, 2, 3, 5, 7}) {
        for (const int64_t inner : {1, 7, 16, 131}) {
          for (const int64_t columns : {1, 15, 64, 131}) {
            SCOPED_TRACE(::testing::Message() << loops->level << " " << vectors << " vectors "
                                              << rows << "x" << inner << "x" << columns);
            check_product(*loops, vectors, rows, inner, columns);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace betimes::runtime
