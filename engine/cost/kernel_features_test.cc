#include "betimes/cost/kernel_features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/graph/builder.h"

namespace betimes::cost {
namespace {

using Ints = std::vector<int64_t>;

measure::Machine machine() {
  measure::Machine machine;
  machine.isa = "avx2";
  machine.threads = 2;
  machine.read_gb_per_s = 10;
  machine.peak_gflops_fp32 = 100;
  machine.peak_gops_int8 = 400;
  return machine;
}

Tensor weights(const Shape& shape) { return {DType::f32, shape}; }

/// The work of the step that computes the node of that operator.
KernelWork work(graph::Graph graph, const std::string& op) {
  const auto plan = runtime::compile(graph);
  for (const runtime::StepInfo& step : plan->steps()) {
    if (step.op == op) return work_of(step);
  }
  ADD_FAILURE() << "no step " << op;
  return {};
}

KernelWork convolution(int64_t groups, int64_t kernel, int64_t dilation = 1) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {1, 16, 12, 10});
  const std::string w = net.constant(weights({32, 16 / groups, kernel, kernel}));
  const int64_t pad = dilation * (kernel / 2);
  const std::string y = net.node("Conv", {x, w},
                                 {{"strides", Ints{2, 2}},
                                  {"pads", Ints{pad, pad, pad, pad}},
                                  {"dilations", Ints{dilation, dilation}},
                                  {"group", groups}});
  return work(net.finish({net.node("Sigmoid", {y})}), "Conv");
}

TEST(KernelWork, OfAConvolutionIsThatOfItsProduct) {
  const KernelWork dense = convolution(1, 3);
  EXPECT_EQ(dense.kind, KernelKind::convolution);
  EXPECT_EQ(dense.macs, 32.0 * 6 * 5 * 16 * 9);
  EXPECT_EQ(dense.rows, 6 * 5);
  EXPECT_EQ(dense.columns, 32);
  EXPECT_EQ(dense.inner, 16 * 9);
  EXPECT_EQ(dense.taps, 9);
  EXPECT_EQ(dense.stride, 2);
  EXPECT_EQ(dense.dilation, 1);
  EXPECT_EQ(convolution(1, 3, 2).dilation, 2);
  EXPECT_EQ(dense.bits, 32);
  EXPECT_EQ(dense.functions, 1);  // the sigmoid that was fused
  EXPECT_EQ(dense.exponentials, 1);
  EXPECT_FALSE(dense.reference);
  EXPECT_EQ(convolution(1, 1).kind, KernelKind::pointwise);
  EXPECT_EQ(convolution(16, 3).kind, KernelKind::depthwise);
  EXPECT_EQ(convolution(16, 3).columns, 2);
  EXPECT_EQ(convolution(4, 3).kind, KernelKind::convolution);
}

KernelWork product(const Shape& left, const Shape& right) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, left);
  return work(net.finish({net.node("MatMul", {x, net.constant(weights(right))})}), "MatMul");
}

TEST(KernelWork, OfAProductCountsRowsOfOneMatrixTogether) {
  const KernelWork batch = product({3, 5, 7}, {7, 11});
  EXPECT_EQ(batch.kind, KernelKind::product);
  EXPECT_EQ(batch.rows, 15);
  EXPECT_EQ(batch.inner, 7);
  EXPECT_EQ(batch.columns, 11);
  EXPECT_EQ(batch.groups, 1);
  const KernelWork row = product({1, 7}, {7, 11});
  EXPECT_EQ(row.kind, KernelKind::vector_product);
  EXPECT_EQ(row.macs, 77);
}

TEST(KernelWork, OfPassesCountsFunctions) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {4, 100});
  const std::string bent = net.node("Mul", {x, net.node("Tanh", {x})});
  const KernelWork passes =
      work(net.finish({net.node("Add", {bent, net.number(1)})}), "Elementwise");
  EXPECT_EQ(passes.kind, KernelKind::elementwise);
  EXPECT_EQ(passes.macs, 0);
  EXPECT_EQ(passes.written, 400);
  EXPECT_EQ(passes.columns, 100);
  EXPECT_GE(passes.functions, 2);
  EXPECT_EQ(passes.exponentials, 1);
}

TEST(KernelsOf, KnowsWhatTheWholePlanMoves) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {4, 100});
  const std::string y = net.node("MatMul", {x, net.constant(weights({100, 50}))});
  const auto plan =
      runtime::compile(net.finish({net.node("Softmax", {y}, {{"axis", int64_t{1}}})}));
  double bytes = 0;
  for (const runtime::StepInfo& step : plan->steps()) bytes += step.bytes;
  const auto kernels = kernels_of(plan->steps());
  ASSERT_EQ(kernels.size(), plan->steps().size());
  for (const Kernel& kernel : kernels) EXPECT_EQ(kernel.work.context, bytes);
}

TEST(Roofline, IsTheSlowerOfArithmeticAndMemory) {
  KernelWork work;
  work.macs = 1e8;   // 2e8 operations: 2 ms of 100 GFLOP/s
  work.bytes = 1e6;  // 0.1 ms of 10 GB/s
  EXPECT_NEAR(roofline(work, machine()).ms, 2, 1e-12);
  EXPECT_TRUE(roofline(work, machine()).compute);
  work.bits = 8;
  EXPECT_NEAR(roofline(work, machine()).ms, 0.5, 1e-12);
  work.bits = 16;  // no such instruction: in fp32
  EXPECT_NEAR(roofline(work, machine()).ms, 2, 1e-12);
  work.bytes = 1e8;
  EXPECT_NEAR(roofline(work, machine()).ms, 10, 1e-12);
  EXPECT_FALSE(roofline(work, machine()).compute);
}

TEST(Features, AreAllNamedAndFinite) {
  EXPECT_EQ(feature_names().size(), feature_count);
  for (const float each : features(Kernel{}, machine())) EXPECT_TRUE(std::isfinite(each));
  const auto found = features({"Conv", "jit", convolution(1, 3)}, machine());
  EXPECT_EQ(found[static_cast<size_t>(KernelKind::convolution)], 1.0f);
  float kinds = 0;
  for (size_t i = 0; i < kernel_kinds; ++i) kinds += found[i];
  EXPECT_EQ(kinds, 1.0f);
  EXPECT_EQ(found[feature_count - 3], 2.0f);  // threads
  const auto& names = feature_names();
  const auto jit = std::find(names.begin(), names.end(), "jit") - names.begin();
  EXPECT_EQ(found[static_cast<size_t>(jit)], 1.0f);
}

}  // namespace
}  // namespace betimes::cost
