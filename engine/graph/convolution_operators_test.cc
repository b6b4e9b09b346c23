// Conv and ConvTranspose, written out from their sums.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

using ConvolutionOperators = ::testing::Test;

struct Windows {
  Ints kernel, strides, dilations, begins, ends;
  size_t rank() const { return kernel.size(); }
  int64_t reach(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

struct Convolution {
  std::string name;
  int64_t groups = 1;
  int64_t in = 3;  // channels of a group
  int64_t out = 2;
  Ints spatial;
  Windows window;
  std::string auto_pad = "NOTSET";
  bool bias = true;
  Ints output_padding = {};
  Ints output_shape = {};
  int64_t batch = 2;

  Attributes attributes() const {
    Attributes all{{"strides", window.strides}, {"dilations", window.dilations}};
    if (groups > 1) all["group"] = groups;
    if (auto_pad != "NOTSET") {
      all["auto_pad"] = auto_pad;
    } else {
      Ints pads = window.begins;
      pads.insert(pads.end(), window.ends.begin(), window.ends.end());
      all["pads"] = pads;
    }
    if (bias) all["kernel_shape"] = window.kernel;  // which the weights say too
    if (!output_padding.empty()) all["output_padding"] = output_padding;
    if (!output_shape.empty()) all["output_shape"] = output_shape;
    return all;
  }
};

Shape joined(Shape shape, const Ints& more) {
  shape.insert(shape.end(), more.begin(), more.end());
  return shape;
}

/// Output extents, with the padding that auto_pad chooses filled in.
Ints convolved_extents(Convolution& conv) {
  Ints extents;
  Windows& w = conv.window;
  for (size_t i = 0; i < w.rank(); ++i) {
    const int64_t in = conv.spatial[i];
    if (conv.auto_pad == "VALID") w.begins[i] = w.ends[i] = 0;
    if (conv.auto_pad.starts_with("SAME")) {
      extents.push_back((in + w.strides[i] - 1) / w.strides[i]);
      const int64_t total =
          std::max<int64_t>(0, (extents.back() - 1) * w.strides[i] + w.reach(i) - in);
      const int64_t less = total / 2;
      w.begins[i] = conv.auto_pad == "SAME_UPPER" ? less : total - less;
      w.ends[i] = total - w.begins[i];
    } else {
      extents.push_back((in + w.begins[i] + w.ends[i] - w.reach(i)) / w.strides[i] + 1);
    }
  }
  return extents;
}

/// y[n, m, o] = b[m] + sum over c, k of x[n, c, o * stride + k * dilation - begin] w[m, c, k].
Array convolved(Convolution conv, const Array& x, const Array& w, const Array* bias) {
  const Ints extents = convolved_extents(conv);
  const Windows& window = conv.window;
  const int64_t outputs = conv.groups * conv.out;
  return Array::made(joined({conv.batch, outputs}, extents), [&](const Index& at) {
    double sum = bias ? (*bias)({at[1]}) : 0;
    const int64_t group = at[1] / conv.out;
    each_index(joined({conv.in}, window.kernel), [&](const Index& tap) {
      Index from{at[0], group * conv.in + tap[0]};
      for (size_t i = 0; i < window.rank(); ++i) {
        from.push_back(at[2 + i] * window.strides[i] + tap[1 + i] * window.dilations[i] -
                       window.begins[i]);
      }
      if (x.inside(from)) sum += x(from) * w(joined({at[1]}, tap));
    });
    return sum;
  });
}

/// The extents by ONNX's formula, with the padding that follows where the extents are given.
Ints transposed_extents(Convolution& conv) {
  Ints extents;
  Windows& w = conv.window;
  for (size_t i = 0; i < w.rank(); ++i) {
    const int64_t extra = conv.output_padding.empty() ? 0 : conv.output_padding[i];
    const int64_t whole = w.strides[i] * (conv.spatial[i] - 1) + extra + w.reach(i);
    const bool same = conv.auto_pad.starts_with("SAME");
    if (conv.auto_pad == "VALID") w.begins[i] = w.ends[i] = 0;
    if (conv.output_shape.empty() && !same) {
      extents.push_back(whole - w.begins[i] - w.ends[i]);
      continue;
    }
    extents.push_back(same && conv.output_shape.empty() ? conv.spatial[i] * w.strides[i]
                                                        : conv.output_shape[i]);
    const int64_t total = std::max<int64_t>(0, whole - extents.back());
    w.begins[i] = conv.auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
  }
  return extents;
}

/// What Conv with these weights would read at o it gives to o: x[n, c, i] w[c, m, k] goes to
/// i * stride + k * dilation - begin.
Array transposed(Convolution conv, const Array& x, const Array& w, const Array* bias) {
  const Ints extents = transposed_extents(conv);
  const Windows& window = conv.window;
  Array y = Array::made(joined({conv.batch, conv.groups * conv.out}, extents),
                        [&](const Index& at) { return bias ? (*bias)({at[1]}) : 0; });
  each_index(x.shape(), [&](const Index& from) {
    const int64_t group = from[1] / conv.in;
    each_index(joined({conv.out}, window.kernel), [&](const Index& tap) {
      Index to{from[0], group * conv.out + tap[0]};
      for (size_t i = 0; i < window.rank(); ++i) {
        to.push_back(from[2 + i] * window.strides[i] + tap[1 + i] * window.dilations[i] -
                     window.begins[i]);
      }
      if (y.inside(to)) y(to) += x(from) * w(joined({from[1]}, tap));
    });
  });
  return y;
}

// name, groups, channels in and out of a group, spatial extents, {kernel, strides, dilations,
// pads before, pads after}
const std::vector<Convolution> shared_cases = {
    {"line", 1, 3, 2, {11}, {{3}, {1}, {1}, {0}, {0}}},
    {"uneven_pads", 1, 2, 3, {5, 7}, {{3, 2}, {1, 1}, {1, 1}, {2, 0}, {0, 1}}},
    {"strides", 2, 2, 3, {7, 9}, {{3, 3}, {2, 3}, {1, 1}, {1, 1}, {1, 1}}},
    {"dilations", 1, 2, 2, {9, 11}, {{3, 2}, {1, 2}, {2, 3}, {1, 0}, {2, 1}}, "NOTSET", false},
    {"depthwise", 5, 1, 1, {5, 5}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}},
    {"volume", 2, 1, 2, {3, 5, 4}, {{2, 3, 1}, {1, 2, 1}, {1, 1, 1}, {0, 1, 0}, {1, 1, 0}}},
    {"same_upper", 1, 2, 2, {5, 8}, {{4, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 0}}, "SAME_UPPER"},
    {"same_lower", 1, 2, 2, {5, 8}, {{4, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 0}}, "SAME_LOWER"},
    {"valid", 1, 2, 2, {5, 8}, {{2, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 0}}, "VALID", false},
    {"one_pixel", 1, 1, 1, {1, 1}, {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}},
    {"pads_above_the_kernel", 1, 1, 2, {2, 1}, {{2, 1}, {3, 1}, {1, 1}, {4, 2}, {1, 3}}},
    {"no_batch", 1, 2, 2, {4}, {{3}, {1}, {1}, {0}, {0}}, "NOTSET", true, {}, {}, 0},
    {"no_channels", 1, 0, 2, {4}, {{3}, {1}, {1}, {0}, {0}}},
    {"no_outputs", 1, 2, 0, {4}, {{3}, {1}, {1}, {0}, {0}}},
};

class ConvolutionCaseOperators : public ::testing::TestWithParam<Convolution> {
 protected:
  static void expect_convolved(const std::string& op, const Convolution& conv) {
    Random random(50);
    const bool forwards = op == "Conv";
    const Shape outer =
        forwards ? Shape{conv.groups * conv.out, conv.in} : Shape{conv.groups * conv.in, conv.out};
    for (const DType dtype : types_of(op)) {
      const Tensor x = random_tensor(
          random, dtype, joined({conv.batch, conv.groups * conv.in}, conv.spatial), -1, 1);
      const Tensor w = random_tensor(random, dtype, joined(outer, conv.window.kernel), -1, 1);
      const Tensor b = random_tensor(random, dtype, {conv.groups * conv.out}, -1, 1);
      Call call{op, {x, w}, conv.attributes()};
      if (conv.bias) call.inputs.push_back(b);
      const Array bias(b);
      const Array* given = conv.bias ? &bias : nullptr;
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype,
                   forwards ? convolved(conv, Array(x), Array(w), given)
                            : transposed(conv, Array(x), Array(w), given),
                   5);
    }
  }
};

TEST_P(ConvolutionCaseOperators, Conv) { expect_convolved("Conv", GetParam()); }

INSTANTIATE_TEST_SUITE_P(Conv, ConvolutionCaseOperators, ::testing::ValuesIn(shared_cases),
                         [](const auto& conv) { return conv.param.name; });

/// Cases that both have, and those with attributes of ConvTranspose alone.
std::vector<Convolution> transposed_cases() {
  std::vector<Convolution> all = {
      {"output_padding",
       1,
       2,
       2,
       {3, 4},
       {{3, 2}, {2, 3}, {1, 1}, {1, 0}, {0, 1}},
       "NOTSET",
       true,
       {1, 2}},
      {"output_shape",
       2,
       1,
       2,
       {3, 4},
       {{3, 3}, {2, 3}, {1, 1}, {0, 0}, {0, 0}},
       "NOTSET",
       true,
       {},
       {6, 10}},
      {"output_shape_same_upper",
       1,
       2,
       2,
       {3, 4},
       {{4, 3}, {2, 3}, {1, 1}, {0, 0}, {0, 0}},
       "SAME_UPPER",
       true,
       {},
       {5, 11}},
      {"output_shape_above_all", 1, 2, 2, {3}, {{2}, {2}, {1}, {0}, {0}}, "NOTSET", true, {}, {9}},
      {"shape_and_padding",
       1,
       2,
       2,
       {3, 4},
       {{3, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 0}},
       "NOTSET",
       false,
       {1, 1},
       {5, 9}}};
  for (const Convolution& conv : shared_cases) {
    if (conv.name != "pads_above_the_kernel") all.push_back(conv);
  }
  return all;
}

class TransposedCaseOperators : public ConvolutionCaseOperators {};

TEST_P(TransposedCaseOperators, ConvTranspose) { expect_convolved("ConvTranspose", GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, TransposedCaseOperators, ::testing::ValuesIn(transposed_cases()),
                         [](const auto& conv) { return conv.param.name; });

TEST(ConvolutionOperators, Conv_ReadsAnInputThatIsAllPadding) {
  const Tensor x(DType::f32, {1, 1, 0});
  const Tensor w(DType::f32, {2, 1, 3});
  const Tensor b = Tensor::from<float>({2}, {1, 2});
  const Tensor y = run({"Conv", {x, w, b}, {{"pads", Ints{1, 3}}}})[0];
  EXPECT_EQ(Array(y).values(), (std::vector<double>{1, 1, 2, 2}));
}

struct Wrong {
  Shape x, w, b;
  Attributes attributes;
  std::string reason;
};

TEST(ConvolutionOperators, Conv_RefusesWhatDoesNotFit) {
  const Shape x = {1, 4, 5, 5};
  const Shape w = {2, 4, 3, 3};
  const int64_t far = int64_t{1} << 62;
  const std::vector<Wrong> wrong = {
      {{4, 5}, {2, 4}, {2}, {}, "3 to 5"},
      {{1, 4, 5, 5, 5, 5}, {2, 4, 3, 3, 3, 3}, {2}, {}, "3 to 5"},
      {x, {2, 4, 3}, {2}, {}, "input 1 is"},
      {x, {2, 3, 3, 3}, {2}, {}, "4 as its second extent"},
      {x, w, {3}, {}, "input 2 is"},
      {x, w, {2}, {{"group", int64_t{3}}}, "multiple of group"},
      {x, w, {2}, {{"group", int64_t{0}}}, "'group' is 0"},
      {x, w, {2}, {{"kernel_shape", Ints{3, 2}}}, "'kernel_shape'"},
      {x, w, {2}, {{"strides", Ints{1}}}, "'strides' has 1 values"},
      {x, w, {2}, {{"strides", Ints{1, 0}}}, "'strides' is 0"},
      {x, w, {2}, {{"dilations", Ints{1, -1}}}, "'dilations' is -1"},
      {x, w, {2}, {{"dilations", Ints{3, 1}}}, "doesn't fit"},
      {x, w, {2}, {{"dilations", Ints{far, 1}}}, "'dilations'"},
      {x, w, {2}, {{"pads", Ints{1, 1}}}, "'pads' has 2 values"},
      {x, w, {2}, {{"pads", Ints{0, 0, 0, -1}}}, "'pads' is -1"},
      {x, w, {2}, {{"pads", Ints{0, 0, 0, far}}}, "'pads'"},
      {x, {2, 4, 0, 3}, {2}, {}, "kernel's extent"},
      {x, {2, 4, 7, 7}, {2}, {}, "doesn't fit"},
      {x, w, {2}, {{"auto_pad", std::string("SAME")}}, "'auto_pad' is SAME"}};
  for (const Wrong& each : wrong) {
    expect_refused(
        {"Conv",
         {Tensor(DType::f32, each.x), Tensor(DType::f32, each.w), Tensor(DType::f32, each.b)},
         each.attributes},
        each.reason);
  }
  const Tensor image(DType::f32, x);
  expect_refused({"Conv", {image, Tensor(DType::f64, w)}}, "input 1 is float64");
  expect_refused({"Conv", {image, Tensor(DType::f32, w), Tensor(DType::f64, {2})}}, "input 2 is");
  expect_refused({"Conv", {Tensor(DType::i32, x), Tensor(DType::i32, w)}}, "input 0 is int32");
}

TEST(ConvolutionOperators, ConvTranspose_RefusesWhatDoesNotFit) {
  const Shape x = {1, 4, 5, 5};
  const Shape w = {4, 1, 3, 3};
  const std::vector<Wrong> wrong = {
      {x, {2, 4, 3, 3}, {4}, {}, "4 as its first extent"},
      {x, w, {4}, {}, "input 2 is"},
      {x, w, {1}, {{"group", int64_t{3}}}, "multiple of group"},
      {x, w, {1}, {{"output_padding", Ints{1}}}, "'output_padding' has 1"},
      {x, w, {1}, {{"output_padding", Ints{1, -1}}}, "'output_padding' is -1"},
      {x, w, {1}, {{"output_shape", Ints{1, 1, 1}}}, "'output_shape' has 3"},
      {x, w, {1}, {{"output_shape", Ints{-1, 1}}}, "'output_shape' is -1"},
      {x, w, {1}, {{"pads", Ints{4, 4, 4, 4}}}, "gives an output of -1"},
      {{1, 4, 0, 5}, w, {1}, {}, "gives an output of"}};
  for (const Wrong& each : wrong) {
    expect_refused(
        {"ConvTranspose",
         {Tensor(DType::f32, each.x), Tensor(DType::f32, each.w), Tensor(DType::f32, each.b)},
         each.attributes},
        each.reason);
  }
}

}  // namespace
}  // namespace betimes::graph
