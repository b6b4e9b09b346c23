// Cast from every type to every type.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// TensorProto.DataType, from onnx.proto.
struct Code {
  DType dtype;
  int64_t code;
};
const std::vector<Code> codes = {
    {DType::f32, 1},  {DType::u8, 2},      {DType::i8, 3},   {DType::u16, 4},  {DType::i16, 5},
    {DType::i32, 6},  {DType::i64, 7},     {DType::f16, 10}, {DType::f64, 11}, {DType::u32, 12},
    {DType::u64, 13}, {DType::boolean, 9}, {DType::bf16, 16}};

Tensor cast(const Tensor& x, int64_t code) { return run({"Cast", {x}, {{"to", code}}})[0]; }

class CastOperators : public ::testing::TestWithParam<Code> {};

TEST_P(CastOperators, ConvertsFromEveryType) {
  Random random(10);
  const DType to = GetParam().dtype;
  const bool to_unsigned = name(to).starts_with("u");
  for (const Code& from : codes) {
    for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{2, 3, 7}}) {
      const Tensor x = random_tensor(random, from.dtype, shape, to_unsigned ? 0 : -100, 100);
      const Array values(x);
      const Array expected = Array::made(shape, [&](const Index& at) {
        const double value = values(at);
        if (to == DType::boolean) return value != 0 ? 1.0 : 0.0;
        return is_floating(to) ? value : std::trunc(value);
      });
      SCOPED_TRACE(name(from.dtype));
      expect_close(cast(x, GetParam().code), to, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CastOperators, ::testing::ValuesIn(codes), [](const auto& code) {
  return std::string("Cast_") + std::string(name(code.param.dtype));
});

using CastingOperators = ::testing::Test;

TEST(CastingOperators, Cast_SaturatesFloatsToIntegers) {
  const Tensor x = Tensor::from<double>({5}, {-infinity, -1e30, 1e30, infinity, nan});
  for (const DType from : {DType::f32, DType::f64, DType::bf16}) {
    EXPECT_EQ(Array(cast(x.cast(from), 3)).values(),
              (std::vector<double>{-128, -128, 127, 127, 0}));
    EXPECT_EQ(Array(cast(x.cast(from), 2)).values(), (std::vector<double>{0, 0, 255, 255, 0}));
    const Tensor wide = cast(x.cast(from), 7);
    EXPECT_EQ(wide.data<int64_t>()[1], std::numeric_limits<int64_t>::min());
    EXPECT_EQ(wide.data<int64_t>()[2], std::numeric_limits<int64_t>::max());
    EXPECT_EQ(cast(x.cast(from), 13).data<uint64_t>()[3], std::numeric_limits<uint64_t>::max());
  }
}

TEST(CastingOperators, Cast_OfIntegersKeepsTheLowBits) {
  EXPECT_EQ(cast(Tensor::scalar(int32_t{300}), 2).data<uint8_t>()[0], 44);
  EXPECT_EQ(cast(Tensor::scalar(int64_t{-1}), 12).data<uint32_t>()[0], 0xffffffffu);
  EXPECT_EQ(cast(Tensor::scalar(int64_t{9007199254740993}), 13).data<uint64_t>()[0],
            uint64_t{9007199254740993});
}

TEST(CastingOperators, Cast_RoundsToNearest) {
  const Tensor x = Tensor::from<double>({3}, {65519, 65520, 1 + 0x1p-11});
  EXPECT_EQ(Array(cast(x, 10)).values(), (std::vector<double>{65504, infinity, 1}));
  EXPECT_EQ(Array(cast(Tensor::scalar(int32_t{16777217}), 1)).values(),
            std::vector<double>{16777216});
  EXPECT_TRUE(cast(Tensor::scalar(nan), 9).data<bool>()[0]);
  EXPECT_TRUE(std::isnan(Array(cast(Tensor::scalar(nan), 16)).values()[0]));
}

TEST(CastingOperators, Cast_RefusesTypesThatWeDoNotHave) {
  const Tensor x(DType::f32, {1});
  expect_refused({"Cast", {x}}, "'to' is missing");
  for (const int64_t code : {-1, 0, 8, 14, 15, 17, 1000}) {
    expect_refused({"Cast", {x}, {{"to", code}}},
                   std::string("element type ") + std::to_string(code));
  }
  expect_refused({"Cast", {x}, {{"to", std::string("FLOAT")}}}, "'to'");
}

}  // namespace
}  // namespace betimes::graph
