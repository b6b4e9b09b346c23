#include <gtest/gtest.h>

#include "betimes/runtime/detail/testing.h"

// What transformers spell out besides attention: Gelu and layer normalisation.

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

TEST(Gelu, AnyNumberOfProductsInARowIsReadOnce) {
  GraphBuilder build;
  std::string x = build.input({2, 3});
  for (int i = 0; i < 4000; ++i) x = build.node("Mul", {x, scalar(build, i % 2 ? 2.0f : 0.5f)});
  expect_same(build.finish({x}), {}, 1e-6);
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

}  // namespace
}  // namespace betimes::runtime
