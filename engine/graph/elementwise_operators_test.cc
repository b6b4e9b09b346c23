#include <gtest/gtest.h>

#include "betimes/graph/elementwise.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using BetimesOperators = ::testing::Test;
using Kind = Activation::Kind;

Attributes attributes_of(const std::vector<ElementwiseStep>& steps) {
  Node node;
  set_elementwise_steps(node, steps);
  return node.attributes;
}

TEST(BetimesOperators, Elementwise_DoesItsStepsOneAfterTheOther) {
  Random random(140);
  for (const Shape& shape : ugly_shapes(random)) {
    const Tensor x = random_tensor(random, DType::f32, shape);
    const Tensor y = random_tensor(random, DType::f32, broadcastable(random, shape));
    const Tensor z = random_tensor(random, DType::f32, broadcastable(random, shape));
    // tanh(x - y), then min(z, that), then |x| * that / max(x, z) ... each step reads any before
    // it.
    const std::vector<ElementwiseStep> steps = {{Arithmetic::subtract, 0, 1, {Kind::tanh}},
                                                {Arithmetic::minimum, 2, 3, {}},
                                                {std::nullopt, 0, 0, {Kind::absolute}},
                                                {Arithmetic::multiply, 5, 4, {Kind::clip, -1, 3}},
                                                {Arithmetic::maximum, 0, 2, {}},
                                                {Arithmetic::add, 6, 7, {}}};
    const Call call{"Elementwise", {x, y, z}, attributes_of(steps), 1, "betimes"};
    const Array a(x), b(y), c(z);
    SCOPED_TRACE(call.describe());
    expect_close(run(call)[0], DType::f32,
                 Array::made(shape,
                             [&](const Index& at) {
                               const double low =
                                   std::fmin(c.broadcast(at), std::tanh(a(at) - b.broadcast(at)));
                               const double bounded =
                                   std::fmin(std::fmax(std::fabs(a(at)) * low, -1), 3);
                               return bounded + std::fmax(a(at), c.broadcast(at));
                             }),
                 5);
  }
}

TEST(BetimesOperators, Elementwise_RefusesWhatItCannotDo) {
  const Tensor x(DType::f32, {2, 3});
  const auto made = [&](const std::vector<ElementwiseStep>& steps) {
    return Call{"Elementwise", {x, x}, attributes_of(steps), 1, "betimes"};
  };
  EXPECT_NO_THROW(run(made({{Arithmetic::add, 0, 1, {}}})));
  expect_refused(made({}), "operations");
  expect_refused(made({{Arithmetic::add, 0, 2, {}}}), "reads value 2");
  Call odd = made({{Arithmetic::add, 0, 1, {}}});
  odd.attributes["operations"] = std::vector<std::string>{"Pow"};
  expect_refused(odd, "'Pow' isn't known");
  odd = made({{Arithmetic::add, 0, 1, {}}});
  odd.attributes["operands"] = std::vector<int64_t>{0};
  expect_refused(odd, "'operands' has 1 entries");
  odd.attributes["operands"] = std::vector<int64_t>{0, -1};
  expect_refused(odd, "reads value -1");
  odd = made({{Arithmetic::add, 0, 1, {}}});
  odd.attributes["activations"] = std::vector<std::string>{"selu"};
  expect_refused(odd, "selu");
  odd = made({{Arithmetic::add, 0, 1, {}}});
  odd.inputs[1] = Tensor(DType::f64, {2, 3});
  expect_refused(odd, "float64");
}

}  // namespace
}  // namespace betimes::graph
