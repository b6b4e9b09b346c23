// HannWindow, HammingWindow, BlackmanWindow.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"

namespace betimes::graph {
namespace {

using namespace testing;

void expect_window(const std::string& op, double (*f)(double angle)) {
  for (const auto& [code, dtype] :
       {std::pair{int64_t{1}, DType::f32}, {11, DType::f64}, {10, DType::f16}}) {
    for (const int64_t count : {0, 1, 2, 7, 64}) {
      for (const bool periodic : {false, true}) {
        const Call call{op,
                        {Tensor::scalar<int64_t>(count)},
                        {{"output_datatype", code}, {"periodic", int64_t{periodic}}}};
        const double period = static_cast<double>(periodic ? count : count - 1);
        const Array expected = Array::made({count}, [&](const Index& at) {
          const double turn = period > 0 ? static_cast<double>(at[0]) / period : 0;
          return f(2 * std::numbers::pi * turn);
        });
        SCOPED_TRACE(call.describe() + std::to_string(count));
        expect_close(run(call)[0], dtype, expected);
      }
    }
  }
  const Tensor size = Tensor::scalar<int64_t>(3);
  EXPECT_EQ(run({op, {size}})[0].dtype(), DType::f32);
  expect_refused({op, {Tensor::scalar<int64_t>(-1)}}, "the size is -1");
  expect_refused({op, {Tensor(DType::i64, {2})}}, "one element");
  expect_refused({op, {size}, {{"output_datatype", int64_t{9}}}}, "bool");
  expect_refused({op, {size}, {}, 1, "", {0}}, "computed while the model runs");
}

TEST(WindowOperators, HannWindow_IsARaisedCosine) {
  expect_window("HannWindow", [](double a) { return std::pow(std::sin(a / 2), 2); });
}
TEST(WindowOperators, HammingWindow_StandsOnAPedestal) {
  expect_window("HammingWindow", [](double a) { return (25 - 21 * std::cos(a)) / 46; });
}
TEST(WindowOperators, BlackmanWindow_HasTwoCosines) {
  expect_window("BlackmanWindow",
                [](double a) { return 0.42 - 0.5 * std::cos(a) + 0.08 * std::cos(2 * a); });
}

}  // namespace
}  // namespace betimes::graph
