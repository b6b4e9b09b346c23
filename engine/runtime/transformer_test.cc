#include <gtest/gtest.h>

#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/loops.h"

// What transformers spell out besides attention: Gelu and layer normalisation; and the loops of
// every level for both and for softmax.

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

std::string scalar(GraphBuilder& build, float x) { return build.constant<float>({}, {x}); }

TEST(Gelu, EveryOrderOfFactorsIsRecognised) {
  for (const int form : {0, 1, 2, 3, 4}) {
    SCOPED_TRACE(form);
    GraphBuilder build;
    const std::string x = build.input({3, 5, 7});
    const std::string half = scalar(build, 0.5f);
    const std::string scaled = form % 2 ? build.node("Mul", {x, scalar(build, 0.70710678f)})
                                        : build.node("Div", {x, scalar(build, 1.41421356f)});
    const std::string sum =
        form == 2 ? build.node("Add", {scalar(build, 1), build.node("Erf", {scaled})})
                  : build.node("Add", {build.node("Erf", {scaled}), scalar(build, 1)});
    std::string y;
    if (form == 0) y = build.node("Mul", {build.node("Mul", {x, half}), sum});
    if (form == 1) y = build.node("Mul", {build.node("Mul", {x, sum}), half});
    if (form == 2) y = build.node("Mul", {x, build.node("Mul", {half, sum})});
    if (form == 3) y = build.node("Mul", {sum, build.node("Mul", {half, x})});
    if (form == 4) y = build.node("Div", {build.node("Mul", {x, sum}), scalar(build, 2)});
    const auto plan = expect_same(build.finish({y}), {}, 1e-6);
    EXPECT_EQ(plan->steps().size(), 1u);
    EXPECT_TRUE(contains_step(*plan, "Activation"));
  }
}

TEST(Gelu, ApproximationsByTanhAreRecognised) {
  for (const int form : {0, 1, 2}) {
    SCOPED_TRACE(form);
    GraphBuilder build;
    const std::string x = build.input({4, 33});
    const auto mul = [&](const std::string& a, const std::string& b) {
      return build.node("Mul", {a, b});
    };
    std::string u;
    if (form == 2) {  // sqrt(2/pi) x (1 + 0.044715 x x)
      const std::string square = mul(mul(scalar(build, 0.044715f), x), x);
      u = mul(mul(x, scalar(build, 0.7978845608f)), build.node("Add", {scalar(build, 1), square}));
    } else {
      const std::string cube =
          form == 0 ? build.node("Pow", {x, scalar(build, 3)}) : mul(x, mul(x, x));
      const std::string inner = build.node("Add", {x, mul(scalar(build, 0.044715f), cube)});
      u = mul(scalar(build, 0.7978845608f), inner);
    }
    const std::string sum = build.node("Add", {scalar(build, 1), build.node("Tanh", {u})});
    const auto plan = expect_same(build.finish({mul(mul(scalar(build, 0.5f), x), sum)}), {}, 1e-6);
    EXPECT_EQ(plan->steps().size(), 1u);
  }
}

TEST(Gelu, OtherConstantsStay) {
  for (const int which : {0, 1, 2, 3}) {
    SCOPED_TRACE(which);
    GraphBuilder build;
    const std::string x = build.input({3, 5});
    const std::string other = which == 3 ? build.input({3, 5}, "z") : x;
    const std::string scaled =
        build.node("Div", {x, scalar(build, which == 0 ? 1.5f : 1.41421356f)});
    const std::string sum =
        build.node("Add", {build.node("Erf", {scaled}), scalar(build, which == 1 ? 2.0f : 1.0f)});
    const std::string half = scalar(build, which == 2 ? 0.25f : 0.5f);
    const auto plan = expect_same(
        build.finish({build.node("Mul", {build.node("Mul", {other, half}), sum})}), {}, 1e-6);
    EXPECT_TRUE(contains_step(*plan, "Erf"));
  }
}

TEST(Gelu, GoesIntoTheProductBeforeIt) {
  GraphBuilder build;
  const std::string x = build.input({6, 24});
  const std::string p = build.node("MatMul", {x, build.weights({24, 40}, 2)});
  const std::string y = build.node("Add", {p, build.weights({40}, 2)});
  const std::string erf = build.node("Erf", {build.node("Div", {y, scalar(build, 1.41421356f)})});
  const std::string sum = build.node("Add", {erf, scalar(build, 1)});
  const std::string out = build.node("Mul", {build.node("Mul", {y, sum}), scalar(build, 0.5f)});
  const auto plan = expect_same(build.finish({out}), {}, 1e-5);
  EXPECT_EQ(plan->steps().size(), 1u);
}

/// Layer normalisation of x over its last `axes` axes, spelled out.
std::string normalised(GraphBuilder& build, const std::string& x, const Ints& axes, bool product,
                       bool shared) {
  const std::map<std::string, graph::Attribute> over = {{"axes", axes}, {"keepdims", int64_t{1}}};
  const auto centred = [&] { return build.node("Sub", {x, build.node("ReduceMean", {x}, over)}); };
  const std::string d = centred();
  const std::string e = shared ? d : centred();
  const std::string square =
      product ? build.node("Mul", {e, e}) : build.node("Pow", {e, scalar(build, 2)});
  const std::string variance = build.node("ReduceMean", {square}, over);
  const std::string root =
      build.node("Sqrt", {build.node("Add", {variance, scalar(build, 1e-3f)})});
  return build.node("Div", {d, root});
}

TEST(LayerNorm, SpelledOutIsRecognised) {
  for (const int form : {0, 1, 2, 3}) {
    SCOPED_TRACE(form);
    GraphBuilder build;
    const std::string x = build.input({2, 5, 12});
    const Ints axes = form == 1 ? Ints{1, 2} : form == 2 ? Ints{2} : Ints{-1};
    const Shape row = form == 1 ? Shape{5, 12} : Shape{12};
    std::string y = normalised(build, x, axes, form == 2, form != 2);
    if (form != 3) y = build.node("Mul", {y, build.weights(row)});
    if (form < 2) y = build.node("Add", {build.weights(row), y});
    const auto plan = expect_same(build.finish({y}), {}, 1e-5);
    EXPECT_EQ(plan->steps().size(), 1u);
    EXPECT_TRUE(contains_step(*plan, "LayerNormalization"));
  }
}

TEST(LayerNorm, OtherMeansStay) {
  for (const bool first_axis : {true, false}) {
    GraphBuilder build;
    const std::string x = build.input({4, 4, 4});
    // Over an axis that isn't the last; or with a variance about another value's mean.
    std::string y;
    if (first_axis) {
      y = normalised(build, x, {1}, false, true);
    } else {
      const std::string z = normalised(build, build.input({4, 4, 4}, "z"), {-1}, false, true);
      y = build.node(
          "Div", {build.node("Sub", {x, build.node("ReduceMean", {x}, {{"axes", Ints{-1}}})}), z});
    }
    const auto plan = expect_same(build.finish({y}), {}, 1e-4);
    EXPECT_EQ(contains_step(*plan, "LayerNormalization"), !first_axis);
  }
}

/// Runs the loop over a row of every length up to 70 and some longer ones.
template <class Loop, class Expected>
void check_rows(const Loop& loop, double tolerance, const Expected& expected, float size = 4) {
  for (int64_t count = 1; count < 1100; count += count < 70 ? 1 : 331) {
    const Tensor in = testing::random_tensor({count}, static_cast<uint32_t>(count), -size, size);
    Tensor out(DType::f32, {count}), right(DType::f64, {count});
    loop(in.data<float>().data(), out.mutable_data<float>().data(), count);
    std::vector<double> x(in.data<float>().begin(), in.data<float>().end());
    expected(x, right.mutable_data<double>());
    EXPECT_LE(testing::relative_error(out, right), tolerance) << count << " numbers";
  }
}

void softmax_of(const std::vector<double>& x, std::span<double> y, bool logarithm) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - top);
  for (size_t i = 0; i < x.size(); ++i) {
    y[i] = logarithm ? x[i] - top - std::log(sum) : std::exp(x[i] - top) / sum;
  }
}

TEST(VectorLoops, SoftmaxOfEveryLevelAgreesWithTheDefinition) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    const auto shares = [](const auto& x, auto y) { softmax_of(x, y, false); };
    const auto logarithms = [](const auto& x, auto y) { softmax_of(x, y, true); };
    for (const float size : {4.0f, 200.0f}) {
      check_rows(loops->softmax, 1e-6, shares, size);
      check_rows(loops->log_softmax, 1e-6, logarithms, size);
    }
  }
}

TEST(VectorLoops, SoftmaxGivesMaskedPlacesExactlyNothing) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    std::vector<float> row(37, -INFINITY), out(37);
    row[5] = 1;
    row[36] = 1;
    loops->softmax(row.data(), out.data(), 37);
    for (size_t i = 0; i < 37; ++i) EXPECT_EQ(out[i], i == 5 || i == 36 ? 0.5f : 0.0f);
    row[7] = NAN;
    loops->softmax(row.data(), out.data(), 37);
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[36]));
  }
}

TEST(VectorLoops, GeluOfEveryLevelAgreesWithTheDefinition) {
  using Kind = graph::Activation::Kind;
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (const Kind kind : {Kind::gelu, Kind::gelu_tanh}) {
      const auto loop = [&](const float* in, float* out, int64_t count) {
        loops->activate({kind}, in, out, count);
      };
      const auto right = [&](const std::vector<double>& x, std::span<double> y) {
        for (size_t i = 0; i < x.size(); ++i) {
          const double u = std::sqrt(2 / M_PI) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
          y[i] = kind == Kind::gelu ? x[i] * std::erfc(-x[i] / std::sqrt(2.0)) / 2
                                    : x[i] / (1 + std::exp(-2 * u));
        }
      };
      for (const float size : {0.1f, 4.0f, 30.0f}) check_rows(loop, 5e-6, right, size);
    }
    // The negative side keeps its digits and its zero; infinities and NaN are what they should be.
    const std::vector<float> in = {-5, -13, -1e30f, INFINITY, NAN, 0};
    std::vector<float> out(in.size());
    loops->activate({Kind::gelu}, in.data(), out.data(), 6);
    EXPECT_NEAR(out[0], -1.43325786e-6, 2e-12);
    EXPECT_NEAR(out[1], 0, 1e-30);
    EXPECT_NEAR(out[2], 0, 1e-30);
    EXPECT_EQ(out[3], INFINITY);
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_EQ(out[5], 0);
  }
}

}  // namespace
}  // namespace betimes::runtime
