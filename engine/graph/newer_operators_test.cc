// Operators that opset 18 brought: BitwiseAnd and the like, CenterCropPad, Col2Im,
// GroupNormalization.
#include <gtest/gtest.h>

#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

/// f over the 64-bit numbers, whose low bits are those of every narrower type.
template <class F>
void expect_bitwise(const std::string& op, F&& f) {
  Random random(140);
  for (const DType dtype : types_of(op)) {
    for (const Shape& shape : ugly_shapes(random)) {
      const Tensor a = random_tensor(random, dtype, shape, -100, 100);
      const Tensor b = random_tensor(random, dtype, broadcastable(random, shape), -100, 100);
      const Array left(a);
      const Array right(b);
      const Array expected = Array::made(shape, [&](const Index& at) {
        return static_cast<double>(
            f(static_cast<int64_t>(left(at)), static_cast<int64_t>(right.broadcast(at))));
      });
      const Call call{op, {a, b}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected);
    }
  }
  const Tensor x(DType::i32, {2});
  expect_refused({op, {x, Tensor(DType::i64, {2})}}, "input 1 is int64");
  expect_refused({op, {Tensor(DType::f32, {2}), x}}, "input 0 is float32");
}

TEST(NewerOperators, BitwiseAnd_KeepsWhatBothHave) {
  expect_bitwise("BitwiseAnd", [](int64_t a, int64_t b) { return a & b; });
}
TEST(NewerOperators, BitwiseOr_KeepsWhatEitherHas) {
  expect_bitwise("BitwiseOr", [](int64_t a, int64_t b) { return a | b; });
}
TEST(NewerOperators, BitwiseXor_KeepsWhatOneHas) {
  expect_bitwise("BitwiseXor", [](int64_t a, int64_t b) { return a ^ b; });
}
TEST(NewerOperators, BitwiseNot_FlipsEveryBit) {
  const Tensor x = Tensor::from<uint8_t>({3}, std::vector<uint8_t>{0, 5, 255});
  EXPECT_EQ(Array(run({"BitwiseNot", {x}})[0]).values(), (std::vector<double>{255, 250, 0}));
  for (const DType dtype : {DType::i8, DType::i16, DType::i32, DType::i64}) {
    const Tensor y = Tensor::from<double>({3}, std::vector<double>{0, 5, -7}).cast(dtype);
    EXPECT_EQ(Array(run({"BitwiseNot", {y}})[0]).values(), (std::vector<double>{-1, -6, 6}));
  }
}

TEST(NewerOperators, CenterCropPad_KeepsTheMiddle) {
  Random random(141);
  for (const DType dtype : types_of("CenterCropPad")) {
    for (const Shape& shape : ugly_shapes(random)) {
      const Tensor x = random_tensor(random, dtype, shape);
      Shape wanted = shape;
      Ints axes;
      Ints extents;
      for (size_t i = 0; i < shape.size(); ++i) {
        if (coin(random)) continue;
        axes.insert(axes.begin(), static_cast<int64_t>(i) - (coin(random) ? std::ssize(shape) : 0));
        wanted[i] = between(random, 0, 2 * shape[i] + 1);
        extents.insert(extents.begin(), wanted[i]);
      }
      if (element_count(wanted) > 20000) continue;
      const Call call{"CenterCropPad", {x, integers(extents)}, {{"axes", axes}}};
      SCOPED_TRACE(call.describe() + to_string(extents));
      const Array values(x);
      const Array expected = Array::made(wanted, [&](const Index& at) {
        Index from = at;
        for (size_t i = 0; i < at.size(); ++i) {
          const int64_t more = shape[i] - wanted[i];
          from[i] += more > 0 ? more / 2 : -(-more / 2);
        }
        return values.inside(from) ? values(from) : 0;
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
  const Tensor x(DType::f32, {3, 4});
  EXPECT_EQ(run({"CenterCropPad", {x, integers({5, 1})}})[0].shape(), (Shape{5, 1}));
  expect_refused({"CenterCropPad", {x, integers({5})}}, "1 extents");
  expect_refused({"CenterCropPad", {x, integers({5, -1})}}, "an extent is -1");
  expect_refused({"CenterCropPad", {x, integers({5, 5})}, {{"axes", Ints{0, 0}}}}, "twice");
}

struct Blocks {
  Ints image, block, strides, dilations, pads;
};

Ints counts_of(const Blocks& b) {
  Ints counts;
  for (size_t i = 0; i < b.image.size(); ++i) {
    const int64_t padded = b.image[i] + b.pads[i] + b.pads[i + b.image.size()];
    counts.push_back((padded - b.dilations[i] * (b.block[i] - 1) - 1) / b.strides[i] + 1);
  }
  return counts;
}

/// Each image element gathers what the columns hold of it.
Array gathered(const Blocks& b, const Array& columns, int64_t channels) {
  const int64_t taps = element_count(b.block);
  const Ints counts = counts_of(b);
  Shape shape{columns.extent(0), channels};
  shape.insert(shape.end(), b.image.begin(), b.image.end());
  return Array::made(shape, [&](const Index& at) {
    double sum = 0;
    int64_t tap = 0;
    each_index(b.block, [&](const Index& k) {
      int64_t column = 0;
      each_index(counts, [&](const Index& l) {
        bool here = true;
        for (size_t i = 0; i < k.size(); ++i) {
          const int64_t place = l[i] * b.strides[i] + k[i] * b.dilations[i] - b.pads[i];
          here = here && place == at[i + 2];
        }
        if (here) sum += columns({at[0], at[1] * taps + tap, column});
        ++column;
      });
      ++tap;
    });
    return sum;
  });
}

TEST(NewerOperators, Col2Im_AddsUpBlocks) {
  Random random(142);
  const std::vector<Blocks> cases = {{{5, 5}, {1, 5}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
                                     {{7, 5}, {3, 2}, {2, 1}, {1, 2}, {1, 0, 2, 1}},
                                     {{11}, {3}, {2}, {3}, {2, 0}},
                                     {{3, 2, 5}, {2, 1, 3}, {1, 2, 2}, {1, 1, 1}, Ints(6, 1)},
                                     {{1, 1}, {1, 1}, {3, 2}, {1, 1}, {4, 0, 0, 3}}};
  for (const DType dtype : types_of("Col2Im")) {
    for (const Blocks& b : cases) {
      const Shape shape{2, 3 * element_count(b.block), element_count(counts_of(b))};
      const Tensor x = random_tensor(random, dtype, shape);
      const Call call{"Col2Im",
                      {x, integers(b.image), integers(b.block)},
                      {{"strides", b.strides}, {"dilations", b.dilations}, {"pads", b.pads}}};
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, gathered(b, Array(x), 3), 12);
    }
  }
  const Tensor x(DType::f32, {1, 4, 4});
  const auto call = [&](const Ints& image, const Ints& block, Attributes attributes = {}) {
    return Call{"Col2Im", {x, integers(image), integers(block)}, std::move(attributes)};
  };
  EXPECT_EQ(run(call({3, 3}, {2, 2}))[0].shape(), (Shape{1, 1, 3, 3}));
  expect_refused(call({3, 4}, {2, 2}), "6 columns");
  expect_refused(call({3, 3}, {2, 2, 1}), "dimensions");
  expect_refused(call({1, 3}, {2, 2}), "larger than");
  expect_refused(call({3, 3}, {0, 2}), "a block's extent is 0");
  expect_refused(call({3, 3}, {2, 2}, {{"strides", Ints{0, 1}}}), "'strides' is 0");
  expect_refused(call({3, 3}, {2, 2}, {{"pads", Ints{0, 1}}}), "'pads' has 2");
}

TEST(NewerOperators, GroupNormalization_ScalesEachChannel) {
  Random random(143);
  for (const DType dtype : types_of("GroupNormalization")) {
    for (const Shape& shape :
         {Shape{2, 6, 3, 5}, Shape{1, 6}, Shape{3, 6, 7}, Shape{0, 6, 2}, Shape{2, 6, 1, 2, 3}}) {
      for (const int64_t groups : {1, 2, 6}) {
        const Tensor x = random_tensor(random, dtype, shape);
        const Tensor scale = random_tensor(random, dtype, {6});
        const Tensor bias = random_tensor(random, dtype, {6});
        const Call call{
            "GroupNormalization", {x, scale, bias}, {{"num_groups", groups}, {"epsilon", 0.01f}}};
        SCOPED_TRACE(call.describe() + std::to_string(groups));
        const Array values(x);
        const auto same = [&](const Index& a, const Index& b) {
          return a[0] == b[0] && a[1] * groups / 6 == b[1] * groups / 6;
        };
        const Array expected = Array::made(shape, [&](const Index& at) {
          double count = 0, sum = 0, squares = 0;
          each_index(shape, [&](const Index& i) {
            if (same(at, i)) count += 1, sum += values(i);
          });
          each_index(shape, [&](const Index& i) {
            if (same(at, i)) squares += std::pow(values(i) - sum / count, 2);
          });
          const double normal =
              (values(at) - sum / count) / std::sqrt(squares / count + double{0.01f});
          return normal * Array(scale)({at[1]}) + Array(bias)({at[1]});
        });
        expect_close(run(call)[0], dtype, expected, 8);
      }
    }
  }
  const Tensor x(DType::f32, {1, 4, 2});
  const Tensor four(DType::f32, {4});
  const auto grouped = [&](int64_t groups, const Tensor& scale) {
    return Call{"GroupNormalization", {x, scale, four}, {{"num_groups", groups}}};
  };
  expect_refused({"GroupNormalization", {x, four, four}}, "num_groups");
  expect_refused(grouped(3, four), "4 channels");
  expect_refused(grouped(0, four), "'num_groups' is 0");
  expect_refused(grouped(2, Tensor(DType::f32, {2})), "input 1");
}

}  // namespace
}  // namespace betimes::graph
