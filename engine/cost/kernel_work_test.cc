#include "betimes/cost/kernel_work.h"

#include <gtest/gtest.h>

#include "betimes/graph/builder.h"

namespace betimes::cost {
namespace {

using Ints = std::vector<int64_t>;

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
  EXPECT_EQ(dense.width, 5);
  EXPECT_EQ(dense.bits, 32);
  EXPECT_EQ(dense.functions, 1);  // the sigmoid that was fused
  EXPECT_EQ(dense.exponentials, 1);
  EXPECT_FALSE(dense.reference);
  EXPECT_EQ(convolution(1, 1).kind, KernelKind::pointwise);
  EXPECT_EQ(convolution(16, 3).kind, KernelKind::depthwise);
  EXPECT_EQ(convolution(16, 3).columns, 2);
  EXPECT_EQ(convolution(4, 3).kind, KernelKind::convolution);
}

/// By definition: every tap of every place, one by one.
double share_inside(Shape in, Shape out, Shape taps, Ints strides, Ints pads, Ints dilations) {
  double within = 0, all = 0;
  for (int64_t y = 0; y < out[0]; ++y) {
    for (int64_t x = 0; x < out[1]; ++x) {
      for (int64_t i = 0; i < taps[0]; ++i) {
        for (int64_t j = 0; j < taps[1]; ++j) {
          const int64_t row = y * strides[0] - pads[0] + i * dilations[0];
          const int64_t column = x * strides[1] - pads[1] + j * dilations[1];
          within += row >= 0 && row < in[0] && column >= 0 && column < in[1] ? 1 : 0;
          all += 1;
        }
      }
    }
  }
  return within / all;
}

TEST(KernelWork, OfAConvolutionKnowsWhatIsPadding) {
  struct Case {
    Shape in, out, taps;
    Ints strides, pads, dilations;
  };
  const Case cases[] = {{{4, 4}, {4, 4}, {7, 7}, {1, 1}, {3, 3, 3, 3}, {1, 1}},
                        {{7, 9}, {4, 5}, {3, 5}, {2, 2}, {1, 2, 1, 2}, {1, 1}},
                        {{6, 11}, {6, 6}, {3, 3}, {1, 2}, {2, 3, 2, 3}, {2, 3}},
                        {{8, 8}, {6, 6}, {3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}},
                        {{1, 1}, {3, 3}, {5, 5}, {1, 1}, {3, 3, 3, 3}, {1, 1}}};
  for (const Case& c : cases) {
    graph::Builder net("net");
    const std::string x = net.input("x", DType::f32, {1, 8, c.in[0], c.in[1]});
    const std::string y =
        net.node("Conv", {x, net.constant(weights({8, 8, c.taps[0], c.taps[1]}))},
                 {{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}});
    const KernelWork found = work(net.finish({y}), "Conv");
    EXPECT_EQ(found.rows, static_cast<double>(c.out[0] * c.out[1]));
    EXPECT_NEAR(found.inside, share_inside(c.in, c.out, c.taps, c.strides, c.pads, c.dilations),
                1e-12);
  }
}

TEST(KernelWork, OfAConvolutionKnowsHowFarItsTapsAreApart) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {1, 4, 20, 30});
  const std::string y =
      net.node("Conv", {x, net.constant(weights({8, 4, 3, 3}))}, {{"dilations", Ints{2, 3}}});
  const KernelWork dilated = work(net.finish({y}), "Conv");
  EXPECT_EQ(dilated.dilation, 3);
  EXPECT_EQ(dilated.width, 30 - 6);
}

KernelWork movement(const std::string& op, const std::vector<Ints>& lists,
                    const std::map<std::string, graph::Attribute>& attributes) {
  graph::Builder net("net");
  std::vector<std::string> inputs = {net.input("x", DType::f32, {2, 6, 5, 7})};
  for (const Ints& list : lists) inputs.push_back(net.integers(list));
  if (op == "Concat") inputs.push_back(net.input("y", DType::f32, {2, 3, 5, 7}));
  // Neither end is the caller's buffer, which could be written or read in place.
  inputs[0] = net.node("Exp", {inputs[0]});
  return work(net.finish({net.node("Exp", {net.node(op, inputs, attributes)})}), op);
}

TEST(KernelWork, OfMovementKnowsWhatLiesTogether) {
  EXPECT_EQ(movement("Transpose", {}, {{"perm", Ints{1, 0, 2, 3}}}).run, 5 * 7);
  EXPECT_EQ(movement("Transpose", {}, {{"perm", Ints{0, 2, 3, 1}}}).run, 1);
  EXPECT_EQ(movement("Slice", {{1}, {3}, {2}}, {}).run, 2 * 7);
  EXPECT_EQ(movement("Slice", {{1}, {3}, {3}}, {}).run, 2);
  EXPECT_EQ(movement("Concat", {}, {{"axis", int64_t{1}}}).run, 6 * 5 * 7);
  EXPECT_EQ(movement("Pad", {{0, 0, 1, 0, 0, 0, 1, 0}}, {}).run, 5 * 7);
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

TEST(KernelWork, OfPassesCountsDivisionsAndWhatIsBroadcast) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {4, 100});
  const std::string scaled = net.node("Mul", {x, net.constant(weights({100}))});
  const std::string divided = net.node("Div", {scaled, net.node("Add", {x, net.number(3)})});
  const KernelWork passes = work(net.finish({net.node("Sqrt", {divided})}), "Elementwise");
  EXPECT_EQ(passes.divisions, 2);   // the quotient and the root
  EXPECT_EQ(passes.broadcasts, 1);  // the hundred numbers, not the single one
}

TEST(KernelWork, OfChannelsLastLiesAsItIsWritten) {
  graph::Builder net("net");
  const std::string x = net.input("x", DType::f32, {1, 16, 12, 10});
  const std::string y = net.node("Conv", {x, net.constant(weights({24, 16, 1, 1}))});
  const std::string part =
      net.node("Slice", {y, net.integers({2}), net.integers({9}), net.integers({1})});
  const std::string z = net.node("Conv", {part, net.constant(weights({8, 7, 1, 1}))});
  const KernelWork cut = work(net.finish({z}), "Slice");
  EXPECT_EQ(cut.run, 7);
  EXPECT_EQ(cut.columns, 7);
  EXPECT_EQ(cut.width, 10);
}

TEST(KernelWork, OfAttentionIsItsHeads) {
  graph::Builder net("net");
  constexpr int64_t rows = 20, heads = 3, deep = 8;
  const std::string x = net.input("x", DType::f32, {1, rows, heads, deep});
  const std::string k = net.input("k", DType::f32, {1, 30, heads, deep});
  const auto turned = [&](const std::string& part, const Ints& order) {
    return net.node("Transpose", {part}, {{"perm", order}});
  };
  const std::string scores = net.node("MatMul", {turned(x, {0, 2, 1, 3}), turned(k, {0, 2, 3, 1})});
  const std::string shares = net.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const std::string seen = net.node("MatMul", {shares, turned(k, {0, 2, 1, 3})});
  const KernelWork found = work(net.finish({turned(seen, {0, 2, 1, 3})}), "Attention");
  EXPECT_EQ(found.kind, KernelKind::attention);
  EXPECT_EQ(found.rows, rows);
  EXPECT_EQ(found.inner, deep);
  EXPECT_EQ(found.groups, heads);
  EXPECT_EQ(found.columns, 30);
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

}  // namespace
}  // namespace betimes::cost
