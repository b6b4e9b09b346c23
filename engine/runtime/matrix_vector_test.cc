#include <gtest/gtest.h>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/panels.h"

namespace betimes::runtime {
namespace {

using testing::expect_same;
using testing::GraphBuilder;

bool on_panels(const Plan& plan) {
  for (const StepInfo& step : plan.steps()) {
    if (step.kernel.rfind("panels ", 0) == 0) return true;
  }
  return false;
}

/// A product of [rows, inner] with [inner, columns], and what follows it.
graph::Graph product(int64_t rows, int64_t inner, int64_t columns, const std::string& op,
                     bool bias = true, const std::string& activation = "") {
  GraphBuilder build;
  const std::string x = build.input({rows, inner});
  std::string y;
  if (op == "MatMul") {
    y = build.node("MatMul", {x, build.weights({inner, columns})});
    if (bias) y = build.node("Add", {y, build.weights({columns})});
  } else {
    const bool transposed = op == "transposed Gemm";
    std::vector<std::string> inputs = {
        x, build.weights(transposed ? Shape{columns, inner} : Shape{inner, columns})};
    if (bias) inputs.push_back(build.weights({columns}));
    y = build.node("Gemm", inputs, {{"transB", int64_t{transposed}}});
  }
  if (!activation.empty()) y = build.node(activation, {y});
  return build.finish({y});
}

TEST(MatrixVector, ProductsOfManyShapes) {
  for (const char* op : {"MatMul", "Gemm", "transposed Gemm"}) {
    for (const int64_t rows : {1, 2, 3, 4, 5}) {
      for (const int64_t inner : {1, 7, 64, 131}) {
        for (const int64_t columns : {1, 3, 16, 17, 67, 130}) {
          SCOPED_TRACE(::testing::Message() << op << " " << rows << "x" << inner << "x" << columns);
          const auto plan =
              expect_same(product(rows, inner, columns, op, columns % 2 == 1), {}, 1e-5);
          EXPECT_TRUE(rows > 2 || on_panels(*plan));
        }
      }
    }
  }
}

TEST(MatrixVector, ActivationsAreFused) {
  for (const char* activation :
       {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Clip"}) {
    SCOPED_TRACE(activation);
    const auto plan =
        expect_same(product(2, 31, 45, "transposed Gemm", true, activation), {}, 1e-5);
    EXPECT_TRUE(on_panels(*plan));
    EXPECT_EQ(plan->steps().size(), 1U);
  }
}

TEST(MatrixVector, SeveralThreadsShareTheColumns) {
  CompileOptions options;
  for (options.threads = 1; options.threads <= std::min(cpu_info().cpus, 4); ++options.threads) {
    for (const int64_t columns : {20, 257, 1000}) {
      expect_same(product(2, 700, columns, "Gemm"), options, 1e-5);
    }
  }
}

TEST(MatrixVector, LeadingAxesAreRows) {
  GraphBuilder build;
  const std::string x = build.input({1, 2, 1, 40});
  const auto plan =
      expect_same(build.finish({build.node("MatMul", {x, build.weights({40, 30})})}), {}, 1e-5);
  EXPECT_TRUE(on_panels(*plan));
}

TEST(MatrixVector, OtherProductsAreLeftToOthers) {
  EXPECT_FALSE(on_panels(*expect_same(product(64, 128, 128, "Gemm"))));
  EXPECT_FALSE(on_panels(*expect_same(product(0, 8, 8, "Gemm"))));
  EXPECT_FALSE(on_panels(*expect_same(product(2, 0, 8, "Gemm"))));
  EXPECT_FALSE(on_panels(*expect_same(product(1, 300000, 1, "Gemm"))));
  GraphBuilder build;  // a bias that is one number for all columns
  const std::string x = build.input({2, 8});
  const std::string y = build.node("Gemm", {x, build.weights({8, 8}), build.weights({1})});
  EXPECT_FALSE(on_panels(*expect_same(build.finish({y}))));
}

}  // namespace
}  // namespace betimes::runtime
