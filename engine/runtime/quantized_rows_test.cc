#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/integer_panels.h"

namespace betimes::runtime {
namespace {

using graph::Activation;
using testing::GraphBuilder;

/// A product of random numbers, and its operands as the loops want them, packed by the letter of
/// their description.
struct Operands {
  int64_t rows, inner, columns;
  std::vector<uint8_t> in;
  std::vector<int8_t> matrix, packed;
  std::vector<int32_t> offsets;
  std::vector<float> bias, scales;
  IntegerPanelProduct product;
  int64_t panels = 0;

  Operands(int64_t m, int64_t k, int64_t n, int64_t wide, int64_t vectors, int zero)
      : rows(m), inner(k), columns(n) {
    std::mt19937 random(static_cast<uint32_t>(rows * 1000 + inner * 10 + columns));
    std::uniform_int_distribution<int> byte(0, 255);
    std::uniform_real_distribution<float> real(-1, 1);
    for (int64_t i = 0; i < rows * inner; ++i) in.push_back(static_cast<uint8_t>(byte(random)));
    for (int64_t i = 0; i < inner * columns; ++i) {
      matrix.push_back(static_cast<int8_t>(byte(random) - 128));
    }
    panels = (columns + wide * vectors - 1) / (wide * vectors);
    const auto padded = static_cast<size_t>(panels * wide * vectors);
    offsets.resize(padded);
    bias.resize(padded);
    scales.resize(padded);
    for (size_t c = 0; c < static_cast<size_t>(columns); ++c) {
      bias[c] = 1000 * real(random);
      scales[c] = (1 + real(random) / 2) / 3000;
    }
    for (int64_t panel = 0; panel < panels; ++panel) {
      for (int64_t pair = 0; pair < (inner + 1) / 2; ++pair) {
        for (int64_t c = 0; c < wide * vectors; ++c) {
          packed.push_back(at(2 * pair, panel * wide * vectors + c));
          packed.push_back(at(2 * pair + 1, panel * wide * vectors + c));
        }
      }
    }
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t i = 0; i < inner; ++i) offsets[static_cast<size_t>(c)] -= zero * at(i, c);
    }
    product.weights = packed.data();
    product.inner = inner;
    product.vectors = vectors;
    product.rows = rows;
    product.columns = columns;
    product.offsets = offsets.data();
    product.bias = bias.data();
    product.scales = scales.data();
    product.in = in.data();
  }

  int8_t at(int64_t k, int64_t column) const {
    return k < inner && column < columns ? matrix[static_cast<size_t>(k * columns + column)]
                                         : int8_t{0};
  }
  /// Before the activation.
  double expected(int64_t row, int64_t column, int zero) const {
    double sum = bias[static_cast<size_t>(column)];
    for (int64_t k = 0; k < inner; ++k) {
      sum += (in[static_cast<size_t>(row * inner + k)] - zero) * static_cast<double>(at(k, column));
    }
    return scales[static_cast<size_t>(column)] * sum;
  }
};

TEST(QuantizedRows, SumsAreExactAtEveryLevel) {
  for (const IntegerPanelLoops* loops : all_integer_panel_loops()) {
    for (const int64_t rows : {1, 2, 3, 4, 7}) {
      for (const int64_t inner : {1, 2, 7, 64, 131, 2400}) {
        for (const int64_t columns : {1, 3, 16, 17, 67, 130}) {
          const int zero = static_cast<int>(inner + columns) % 2 * 113;
          const int64_t vectors = 1 + (rows + inner + columns) % 4;
          SCOPED_TRACE(::testing::Message() << loops->level << " " << rows << "x" << inner << "x"
                                            << columns << ", zero " << zero);
          Operands operands(rows, inner, columns, loops->width, vectors, zero);
          IntegerPanelProduct p = operands.product;
          std::vector<float> out(static_cast<size_t>(rows * columns), -1);
          std::vector<uint8_t> bytes(static_cast<size_t>(rows * columns));
          p.out = out.data();
          // In two parts, as two threads would share it.
          loops->product(p, 0, operands.panels / 2);
          loops->product(p, operands.panels / 2, operands.panels);
          p.out = nullptr;
          p.bytes = bytes.data();
          p.activation.kind = Activation::Kind::relu;
          p.after = 2;
          p.zero = 9;
          loops->product(p, 0, operands.panels);
          for (int64_t row = 0; row < rows; ++row) {
            for (int64_t column = 0; column < columns; ++column) {
              const auto i = static_cast<size_t>(row * columns + column);
              const double expected = operands.expected(row, column, zero);
              ASSERT_NEAR(out[i], expected, 1e-6 * std::abs(expected) + 1e-6);
              const double byte = std::min(2 * std::max(expected, 0.0) + 9, 255.0);
              ASSERT_NEAR(bytes[i], byte, 0.5 + 1e-3) << "a byte";
            }
          }
        }
      }
    }
  }
}

TEST(QuantizedRows, TheLargestSumsFit) {
  for (const IntegerPanelLoops* loops : all_integer_panel_loops()) {
    Operands operands(1, IntegerPanelProduct::most_inner, 2, loops->width, 1, 255);
    std::ranges::fill(operands.in, uint8_t{0});
    std::ranges::fill(operands.packed, int8_t{-128});
    std::ranges::fill(operands.bias, 0.0f);
    std::ranges::fill(operands.scales, 1.0f);
    std::ranges::fill(operands.offsets, 255 * 128 * IntegerPanelProduct::most_inner);
    std::vector<float> out(2);
    operands.product.out = out.data();
    loops->product(operands.product, 0, 1);
    EXPECT_EQ(out[0], 255.0f * 128 * IntegerPanelProduct::most_inner) << loops->level;
    std::ranges::fill(operands.in, uint8_t{255});
    std::ranges::fill(operands.offsets, 0);
    loops->product(operands.product, 0, 1);
    EXPECT_EQ(out[1], -255.0f * 128 * IntegerPanelProduct::most_inner) << loops->level;
  }
}

/// x (uint8) times int8 weights, requantized or not.
graph::Graph product(int64_t rows, int64_t inner, int64_t columns, bool bytes, uint8_t zero) {
  GraphBuilder build;
  const auto pair = [&](const std::string& x, float scale, uint8_t z) {
    const std::string s = build.constant(Tensor::scalar(scale));
    const std::string at = build.constant(Tensor::scalar(z));
    return build.node("DequantizeLinear", {build.node("QuantizeLinear", {x, s, at}), s, at});
  };
  const std::string x = pair(build.input({rows, inner}), 0.01f, zero);
  const Tensor w = testing::random_tensor({inner, columns}, 5, -63, 63).cast(DType::i8);
  const std::string scales = build.constant(testing::random_tensor({columns}, 6, 0.002f, 0.01f));
  const std::string zeros = build.constant(Tensor(DType::i8, {columns}));
  const std::string real =
      build.node("DequantizeLinear", {build.constant(w), scales, zeros}, {{"axis", int64_t{1}}});
  std::string y = build.node("MatMul", {x, real});
  y = build.node("Add", {y, build.weights({columns})});
  y = build.node("Relu", {y});
  return build.finish({bytes ? pair(y, 0.02f, 3) : y});
}

bool uses_panels(const Plan& plan) {
  return std::ranges::any_of(plan.steps(), [](const StepInfo& step) {
    return step.op == "QuantizedMatMul" && step.kernel.starts_with("panels ");
  });
}

TEST(QuantizedRows, PlansTakeThemForFewRows) {
  for (const bool bytes : {false, true}) {
    for (const uint8_t zero : {0, 100}) {
      for (const int64_t columns : {1, 33, 97}) {
        const graph::Graph graph = product(1, 77, columns, bytes, zero);
        const auto plan = compile(graph);
        EXPECT_TRUE(uses_panels(*plan));
        const auto inputs = testing::random_inputs(graph, 11);
        const Tensor found = Session(plan).run(inputs).begin()->second;
        const Tensor expected = graph::evaluate(graph, inputs).begin()->second;
        for (size_t i = 0; i < found.data<float>().size(); ++i) {
          const float e = expected.data<float>()[i];
          ASSERT_NEAR(found.data<float>()[i], e, (bytes ? 0.0201 : 0) + 1e-4 * std::abs(e) + 1e-5);
        }
      }
    }
  }
}

TEST(QuantizedRows, ThreadsShareThePanels) {
  if (active_isa() >= Isa::avx512_vnni) GTEST_SKIP() << "oneDNN has products of this size here";
  const graph::Graph graph = product(1, 700, 600, true, 7);
  const auto inputs = testing::random_inputs(graph, 3);
  CompileOptions options;
  const Tensor one = Session(compile(graph, options)).run(inputs).begin()->second;
  options.threads = 2;
  const auto shared = compile(graph, options);
  EXPECT_TRUE(uses_panels(*shared));
  const Tensor two = Session(shared).run(inputs).begin()->second;
  EXPECT_TRUE(std::ranges::equal(one.data<float>(), two.data<float>()));
}

}  // namespace
}  // namespace betimes::runtime
