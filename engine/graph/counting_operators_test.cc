// Operators whose output's shape depends on values: NonZero, Compress, Unique, NonMaxSuppression.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using CountingOperators = ::testing::Test;
using Rows = std::vector<std::vector<double>>;

std::vector<double> flat(const Tensor& tensor) { return Array(tensor).values(); }

TEST(CountingOperators, NonZero_GivesCoordinates) {
  Random random(300);
  for (const DType dtype : types_of("NonZero")) {
    for (const Shape& shape : ugly_shapes(random)) {
      const Tensor x = random_tensor(random, DType::i32, shape, 0, 1).cast(dtype);
      const Array values(x);
      Rows found;
      each_index(shape, [&](const Index& at) {
        if (values(at) != 0) found.emplace_back(at.begin(), at.end());
      });
      const auto wanted = Array::made({std::ssize(shape), std::ssize(found)}, [&](const Index& at) {
        return found[static_cast<size_t>(at[1])][static_cast<size_t>(at[0])];
      });
      SCOPED_TRACE(to_string(x.type()));
      expect_close(run({"NonZero", {x}})[0], DType::i64, wanted);
    }
  }
}

TEST(CountingOperators, NonZero_OfAScalarHasNoRows) {
  EXPECT_EQ(run({"NonZero", {Tensor::scalar(2.0f)}})[0].shape(), (Shape{0, 1}));
  EXPECT_EQ(run({"NonZero", {Tensor::scalar(0.0f)}})[0].shape(), (Shape{0, 0}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from<float>({3}, std::vector<float>{nan, -0.0f, 1});
  EXPECT_EQ(flat(run({"NonZero", {x}})[0]), (std::vector<double>{0, 2}));
  expect_refused({"NonZero", {x}, {}, 1, "", {0}}, "computed while the model runs");
}

TEST(CountingOperators, Compress_TakesWhatIsChosen) {
  Random random(301);
  for (const DType dtype : types_of("Compress")) {
    for (const Shape& shape : ugly_shapes(random)) {
      if (shape.empty()) continue;
      const bool whole = coin(random);
      const size_t axis = whole ? 0 : random.below(shape.size());
      const int64_t extent = whole ? element_count(shape) : shape[axis];
      const Tensor x = random_tensor(random, dtype, shape);
      // A condition may end early.
      const Tensor condition = random_tensor(random, DType::boolean, {between(random, 0, extent)});
      Index chosen;
      for (int64_t i = 0; i < condition.size(); ++i) {
        if (condition.data<bool>()[static_cast<size_t>(i)]) chosen.push_back(i);
      }
      Call call{"Compress", {x, condition}, {}, 1, "", {0}};
      const Array values(whole ? x.reshaped({extent}) : x);
      if (!whole) call.attributes["axis"] = static_cast<int64_t>(axis);
      if (!whole && coin(random)) {
        call.attributes["axis"] = static_cast<int64_t>(axis) - std::ssize(shape);
      }
      Shape wanted = values.shape();
      wanted[axis] = std::ssize(chosen);
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, Array::made(wanted, [&](Index at) {
                     at[axis] = chosen[static_cast<size_t>(at[axis])];
                     return values(at);
                   }));
    }
  }
}

TEST(CountingOperators, Compress_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {2, 3});
  const Tensor late = Tensor::from<int32_t>({7}, {0, 0, 0, 0, 0, 0, 1}).cast(DType::boolean);
  const Tensor early = Tensor::from<int32_t>({7}, {0, 0, 0, 0, 0, 1, 0}).cast(DType::boolean);
  EXPECT_EQ(run({"Compress", {x, early}})[0].shape(), (Shape{1}));
  expect_refused({"Compress", {x, late}}, "chooses element 6");
  expect_refused({"Compress", {x, early}, {{"axis", int64_t{1}}}}, "chooses element 5");
  expect_refused({"Compress", {x, early}, {{"axis", int64_t{2}}}}, "axis 2");
  expect_refused({"Compress", {x, Tensor(DType::i32, {2})}}, "int32");
  expect_refused({"Compress", {x, Tensor(DType::boolean, {2, 1})}}, "[2, 1]");
  expect_refused({"Compress", {Tensor::scalar(1.0f), early}}, "input 0");
  expect_refused({"Compress", {x, early}, {}, 1, "", {1}}, "computed while the model runs");
}

/// Slice i along the axis (each element alone without one), flattened.
Rows slices_of(const Array& x, std::optional<size_t> axis) {
  if (!axis) {
    Rows rows;
    for (const double value : x.values()) rows.push_back({value});
    return rows;
  }
  Rows rows(static_cast<size_t>(x.extent(*axis)));
  each_index(x.shape(),
             [&](const Index& at) { rows[static_cast<size_t>(at[*axis])].push_back(x(at)); });
  return rows;
}

void expect_unique(const Call& call, std::optional<size_t> axis, bool sorted) {
  const Tensor& x = *call.inputs[0];
  const Rows rows = slices_of(Array(x), axis);
  Rows distinct;
  for (const auto& row : rows) {
    if (std::find(distinct.begin(), distinct.end(), row) == distinct.end()) distinct.push_back(row);
  }
  if (sorted) std::sort(distinct.begin(), distinct.end());
  std::vector<double> first;
  std::vector<double> count;
  std::vector<double> inverse;
  for (const auto& row : distinct) {
    first.push_back(static_cast<double>(std::find(rows.begin(), rows.end(), row) - rows.begin()));
    count.push_back(static_cast<double>(std::count(rows.begin(), rows.end(), row)));
  }
  for (const auto& row : rows) {
    inverse.push_back(
        static_cast<double>(std::find(distinct.begin(), distinct.end(), row) - distinct.begin()));
  }
  const std::vector<Tensor> found = run(call);
  EXPECT_EQ(found[0].dtype(), x.dtype());
  EXPECT_EQ(slices_of(Array(found[0]), axis), distinct);
  EXPECT_EQ(flat(found[1]), first);
  EXPECT_EQ(flat(found[2]), inverse);
  EXPECT_EQ(flat(found[3]), count);
}

TEST(CountingOperators, Unique_FindsEachOnce) {
  Random random(302);
  for (const DType dtype : types_of("Unique")) {
    for (const Shape& shape : ugly_shapes(random)) {
      for (const bool sorted : {false, true}) {
        std::optional<size_t> axis;
        if (!shape.empty() && coin(random)) axis = random.below(shape.size());
        const Tensor x = random_tensor(random, DType::i32, shape, 0, 2).cast(dtype);
        Call call{"Unique", {x}, {{"sorted", int64_t{sorted}}}, 4};
        if (axis) {
          call.attributes["axis"] =
              static_cast<int64_t>(*axis) - (coin(random) ? std::ssize(shape) : 0);
        }
        SCOPED_TRACE(call.describe());
        expect_unique(call, axis, sorted);
      }
    }
  }
}

TEST(CountingOperators, Unique_TakesNanForOneValueAboveAll) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from<float>({5}, std::vector<float>{nan, 2, nan, 1, 2});
  const std::vector<Tensor> found = run({"Unique", {x}, {}, 4});
  EXPECT_EQ(flat(found[1]), (std::vector<double>{3, 1, 0}));
  EXPECT_EQ(flat(found[3]), (std::vector<double>{1, 2, 2}));
  expect_refused({"Unique", {x}, {{"axis", int64_t{1}}}}, "axis 1");
  expect_refused({"Unique", {x}, {{"sorted", int64_t{2}}}}, "sorted");
  expect_refused({"Unique", {x}, {}, 1, "", {0}}, "computed while the model runs");
}

struct Suppression {
  bool centre = false;
  int64_t most = 0;
  float overlap = 0;
  std::optional<float> score;
};

/// Coordinates are small whole numbers, so that double precision agrees with single.
double intersection_over_union(const Array& boxes, int64_t n, int64_t a, int64_t b, bool centre) {
  const auto span = [&](int64_t box, int64_t axis) {
    const double p = boxes({n, box, axis});
    const double q = boxes({n, box, axis + 2});
    return centre ? std::pair(p - q / 2, p + q / 2) : std::pair(std::min(p, q), std::max(p, q));
  };
  double common = 1;
  double size_a = 1;
  double size_b = 1;
  for (const int64_t axis : {0, 1}) {
    const auto [a0, a1] = span(a, axis);
    const auto [b0, b1] = span(b, axis);
    common *= std::max(0.0, std::min(a1, b1) - std::max(a0, b0));
    size_a *= a1 - a0;
    size_b *= b1 - b0;
  }
  return common == 0 ? 0 : common / (size_a + size_b - common);
}

Rows kept(const Array& boxes, const Array& scores, const Suppression& how) {
  Rows rows;
  for (int64_t n = 0; n < scores.extent(0); ++n) {
    for (int64_t c = 0; c < scores.extent(1); ++c) {
      std::vector<bool> gone(static_cast<size_t>(scores.extent(2)));
      for (int64_t round = 0; round < how.most; ++round) {
        int64_t best = -1;
        for (int64_t i = 0; i < scores.extent(2); ++i) {
          if (gone[static_cast<size_t>(i)] || (how.score && !(scores({n, c, i}) > *how.score))) {
            continue;
          }
          if (best < 0 || scores({n, c, i}) > scores({n, c, best})) best = i;
        }
        if (best < 0) break;
        rows.push_back({double(n), double(c), double(best)});
        gone[static_cast<size_t>(best)] = true;
        for (int64_t i = 0; i < scores.extent(2); ++i) {
          if (intersection_over_union(boxes, n, best, i, how.centre) > double{how.overlap}) {
            gone[static_cast<size_t>(i)] = true;
          }
        }
      }
    }
  }
  return rows;
}

Call suppression(const Tensor& boxes, const Tensor& scores, const Suppression& how) {
  Call call{"NonMaxSuppression",
            {boxes, scores, Tensor::scalar(how.most), Tensor::scalar(how.overlap)},
            {{"center_point_box", int64_t{how.centre}}}};
  if (how.score) call.inputs.emplace_back(Tensor::scalar(*how.score));
  return call;
}

TEST(CountingOperators, NonMaxSuppression_KeepsTheBest) {
  Random random(303);
  for (int round = 0; round < 200; ++round) {
    const Shape shape = {between(random, 0, 2), between(random, 0, 3), between(random, 0, 23)};
    const Tensor boxes =
        random_tensor(random, DType::i32, {shape[0], shape[2], 4}, 0, 8).cast(DType::f32);
    const Tensor scores = random_tensor(random, DType::i32, shape, 0, 9).cast(DType::f32);  // ties
    Suppression how{coin(random), between(random, 0, 7), 0.25f * float(random.below(5)), {}};
    if (coin(random)) how.score = float(random.below(8));
    const Rows expected = kept(Array(boxes), Array(scores), how);
    const auto wanted = Array::made({std::ssize(expected), 3}, [&](const Index& at) {
      return expected[static_cast<size_t>(at[0])][static_cast<size_t>(at[1])];
    });
    expect_close(run(suppression(boxes, scores, how))[0], DType::i64, wanted);
  }
}

TEST(CountingOperators, NonMaxSuppression_TakesAnyInput) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor boxes = Tensor::from<float>(
      {1, 3, 4}, std::vector<float>{0, 0, 1, 1, nan, nan, nan, nan, 0, 0, 1, 1});
  const Tensor scores = Tensor::from<float>({1, 1, 3}, std::vector<float>{nan, 1, 2});
  EXPECT_EQ(run({"NonMaxSuppression", {boxes, scores}})[0].shape(), (Shape{0, 3}));
  EXPECT_EQ(flat(run(suppression(boxes, scores, {false, 1 << 30, 0.5f, {}}))[0]),
            (std::vector<double>{0, 0, 2, 0, 0, 1}));
  EXPECT_EQ(run(suppression(boxes, scores, {false, -1, 0.5f, {}}))[0].shape(), (Shape{0, 3}));
}

TEST(CountingOperators, NonMaxSuppression_RefusesWhatDoesNotFit) {
  const Tensor boxes(DType::f32, {2, 3, 4});
  const Tensor scores(DType::f32, {2, 1, 3});
  const Tensor most = Tensor::scalar(int64_t{1});
  const std::string op = "NonMaxSuppression";
  expect_refused({op, {Tensor(DType::f64, {2, 3, 4}), scores}}, "input 0");
  expect_refused({op, {boxes, Tensor(DType::f64, {2, 1, 3})}}, "input 1");
  expect_refused({op, {Tensor(DType::f32, {2, 3, 5}), scores}}, "boxes, 4");
  expect_refused({op, {boxes, Tensor(DType::f32, {1, 1, 3})}}, "[2, classes, 3]");
  expect_refused({op, {boxes, Tensor(DType::f32, {2, 3})}}, "input 1");
  expect_refused({op, {boxes, scores, Tensor::scalar(1.0f)}}, "max_output_boxes");
  expect_refused({op, {boxes, scores, integers({1, 2})}}, "input 2");
  for (const float bad : {-0.5f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    expect_refused({op, {boxes, scores, most, Tensor::scalar(bad)}}, "iou_threshold");
  }
  expect_refused({op, {boxes, scores, most, Tensor::scalar(0.5)}}, "input 3");
  expect_refused({op, {boxes, scores, most}, {{"center_point_box", int64_t{2}}}}, "center_point");
  expect_refused({op, {boxes, scores}, {}, 1, "", {1}}, "computed while the model runs");
  const Tensor many(DType::f32, {1, 1 << 19, 4});
  expect_refused(
      {op, {many, Tensor(DType::f32, {1, 1, 1 << 19}), Tensor::scalar(int64_t{1} << 40)}},
      "absurd");
}

}  // namespace
}  // namespace betimes::graph
