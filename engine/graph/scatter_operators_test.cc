// GatherND, ScatterElements and ScatterND: one element at a time, by coordinates.
#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

/// Tuples of random indices into the first axes of `data` behind `batch` ones, from either end.
Tensor random_tuples(Random& random, const Shape& data, const Shape& outer, size_t batch,
                     int64_t length) {
  Shape shape = outer;
  shape.push_back(length);
  Tensor tuples(DType::i64, shape);
  auto values = tuples.mutable_data<int64_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t n = data[batch + i % static_cast<size_t>(length)];
    values[i] = between(random, -n, n - 1);
  }
  return tuples;
}

/// Extents that are never 0, so that there is something to index.
Shape filled_shape(Random& random, size_t rank) {
  Shape shape = random_shape(random, rank, 200);
  for (int64_t& extent : shape) extent = std::max<int64_t>(extent, 1);
  return shape;
}

/// Where in `data` the tuple at `outer` points, with the coordinates of the batch before it.
Index pointed_at(const Array& tuples, const Shape& data, const Index& outer, size_t batch) {
  Index at(outer.begin(), outer.begin() + static_cast<std::ptrdiff_t>(batch));
  for (int64_t k = 0; k < tuples.shape().back(); ++k) {
    Index place = outer;
    place.push_back(k);
    const auto index = static_cast<int64_t>(tuples(place));
    at.push_back(index < 0 ? index + data[batch + static_cast<size_t>(k)] : index);
  }
  return at;
}

TEST(ScatterOperators, GatherND_TakesTheBlocksThatTuplesPointAt) {
  Random random(100);
  for (const DType dtype : types_of("GatherND")) {
    for (int round = 0; round < 25; ++round) {
      const size_t rank = 1 + random.below(5);
      const Shape data = filled_shape(random, rank);
      const size_t batch = random.below(rank);
      Shape outer(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(batch));
      for (const int64_t extent : random_shape(random, random.below(3), 20))
        outer.push_back(extent);
      const int64_t length =
          between(random, batch > 0 ? 1 : 0, std::ssize(data) - static_cast<int64_t>(batch));
      const Tensor x = random_tensor(random, dtype, data, -90, 90);
      const Tensor tuples = random_tuples(random, data, outer, batch, length);
      Call call{"GatherND", {x, tuples}};
      if (batch > 0 || coin(random)) call.attributes["batch_dims"] = static_cast<int64_t>(batch);
      SCOPED_TRACE(call.describe());
      const size_t first_kept = batch + static_cast<size_t>(length);
      Shape shape = outer;
      shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(first_kept), data.end());
      const Array values(x);
      const Array indices(tuples);
      const Array expected = Array::made(shape, [&](const Index& at) {
        const Index where(at.begin(), at.begin() + std::ssize(outer));
        Index from = pointed_at(indices, data, where, batch);
        from.insert(from.end(), at.begin() + std::ssize(outer), at.end());
        return values(from);
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

double reduced(const std::string& how, double old, double update) {
  if (how == "add") return old + update;
  if (how == "mul") return old * update;
  if (how == "max") return std::max(old, update);
  if (how == "min") return std::min(old, update);
  return update;
}

const std::vector<std::string> reductions = {"", "none", "add", "mul", "max", "min"};

/// Results of integer arithmetic stay small enough not to wrap around.
Tensor small(Random& random, DType dtype, const Shape& shape) {
  return random_tensor(random, dtype, shape, -2, 2);
}

std::string reduction_for(Random& random, DType dtype) {
  return reductions[random.below(dtype == DType::boolean ? 2 : reductions.size())];
}

TEST(ScatterOperators, ScatterElements_PutsEachUpdateWhereItsIndexSays) {
  Random random(101);
  for (const DType dtype : types_of("ScatterElements")) {
    for (int round = 0; round < 25; ++round) {
      const Shape data = filled_shape(random, 1 + random.below(4));
      const size_t axis = random.below(data.size());
      Shape outer;
      for (const int64_t extent : data)
        outer.push_back(between(random, 0, std::min<int64_t>(extent, 4)));
      outer[axis] = between(random, 0, 3);
      const auto extent = static_cast<double>(data[axis]);
      const Tensor drawn =
          random_tensor(random, coin(random) ? DType::i64 : DType::i32, outer, -extent, extent - 1);
      const std::string how = reduction_for(random, dtype);
      const Tensor x = small(random, dtype, data);
      const Tensor updates = small(random, dtype, outer);
      Call call{"ScatterElements", {x, drawn, updates}};
      if (!how.empty()) call.attributes["reduction"] = how;
      if (axis > 0 || coin(random)) {
        call.attributes["axis"] =
            static_cast<int64_t>(axis) - (coin(random) ? std::ssize(data) : 0);
      }
      SCOPED_TRACE(call.describe() + " " + how);
      Array expected(x);
      const Array at_axis(drawn);
      const Array values(updates);
      each_index(outer, [&](const Index& at) {
        Index to = at;
        to[axis] = static_cast<int64_t>(at_axis(at));
        if (to[axis] < 0) to[axis] += data[axis];
        // Rounded at each step, as sums of 16-bit floats are stored.
        const double sum = reduced(how, expected(to), values(at));
        expected(to) = Array(Array({1}, sum).tensor(dtype))({0});
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(ScatterOperators, ScatterND_PutsEachBlockWhereItsTuplePoints) {
  Random random(102);
  for (const DType dtype : types_of("ScatterND")) {
    for (int round = 0; round < 25; ++round) {
      const Shape data = filled_shape(random, 1 + random.below(4));
      const int64_t length = between(random, 0, std::ssize(data));
      const Shape outer = random_shape(random, random.below(3), 12);
      const Tensor tuples = random_tuples(random, data, outer, 0, length);
      Shape shape = outer;
      shape.insert(shape.end(), data.begin() + length, data.end());
      const std::string how = reduction_for(random, dtype);
      const Tensor x = small(random, dtype, data);
      const Tensor updates = small(random, dtype, shape);
      Call call{"ScatterND", {x, tuples, updates}};
      if (!how.empty()) call.attributes["reduction"] = how;
      SCOPED_TRACE(call.describe() + " " + how);
      Array expected(x);
      const Array indices(tuples);
      const Array values(updates);
      each_index(shape, [&](const Index& at) {
        const Index where(at.begin(), at.begin() + std::ssize(outer));
        Index to = pointed_at(indices, data, where, 0);
        to.insert(to.end(), at.begin() + std::ssize(outer), at.end());
        const double sum = reduced(how, expected(to), values(at));
        expected(to) = Array(Array({1}, sum).tensor(dtype))({0});
      });
      expect_close(run(call)[0], dtype, expected);
    }
  }
}

TEST(ScatterOperators, ScatterND_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {4, 3});
  const Tensor one = Tensor::from<int64_t>({1, 1}, std::vector<int64_t>{2});
  const Tensor row(DType::f32, {1, 3});
  EXPECT_NO_THROW(run({"ScatterND", {x, one, row}}));
  expect_refused({"ScatterND", {x, one, Tensor(DType::f32, {1, 2})}}, "input 2");
  expect_refused({"ScatterND", {x, one, Tensor(DType::f64, {1, 3})}}, "input 2");
  expect_refused({"ScatterND", {x, Tensor(DType::i32, {1, 1}), row}}, "int64");
  expect_refused({"ScatterND", {x, Tensor(DType::i64, {1, 3}), row}}, "length of an index");
  expect_refused({"ScatterND", {x, one, row}, {{"reduction", std::string("mean")}}}, "mean");
  const Tensor beyond = Tensor::from<int64_t>({1, 1}, std::vector<int64_t>{4});
  EXPECT_THROW(run({"ScatterND", {x, beyond, row}}), Error);
}

TEST(ScatterOperators, ScatterElements_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {4, 3});
  const Tensor indices(DType::i64, {2, 3});
  const Tensor updates(DType::f32, {2, 3});
  EXPECT_NO_THROW(run({"ScatterElements", {x, indices, updates}}));
  expect_refused({"ScatterElements", {x, indices, Tensor(DType::f32, {2, 2})}}, "input 2");
  expect_refused({"ScatterElements", {x, Tensor(DType::i64, {2}), updates}}, "input 1");
  expect_refused({"ScatterElements", {x, Tensor(DType::f32, {2, 3}), updates}}, "input 1");
  expect_refused({"ScatterElements", {x, indices, updates}, {{"axis", int64_t{2}}}}, "axis 2");
  const Tensor wide(DType::i64, {2, 5});
  expect_refused({"ScatterElements", {x, wide, Tensor(DType::f32, {2, 5})}}, "at most");
}

TEST(ScatterOperators, GatherND_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {4, 3});
  EXPECT_NO_THROW(run({"GatherND", {x, Tensor(DType::i64, {5, 2})}}));
  expect_refused({"GatherND", {x, Tensor(DType::i64, {5, 3})}}, "length of an index");
  expect_refused({"GatherND", {x, Tensor(DType::i32, {5, 2})}}, "int64");
  const Call call{"GatherND", {x, Tensor(DType::i64, {5, 1})}, {{"batch_dims", int64_t{1}}}};
  expect_refused(call, "input 1");
}

}  // namespace
}  // namespace betimes::graph
