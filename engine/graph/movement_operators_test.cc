// Operators that place elements elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "betimes/graph/detail/walk.h"
#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using MovementOperators = ::testing::Test;

/// Tries f(dtype, shape) for every type, with shapes drawn anew for each.
template <class F>
void each_type_and_shape(uint64_t seed, F&& f) {
  Random random(seed);
  for (const DType dtype : types_of("Identity")) {
    for (const Shape& shape : ugly_shapes(random)) {
      SCOPED_TRACE(to_string(TensorType{dtype, shape}));
      f(random, random_tensor(random, dtype, shape));
    }
  }
}

int64_t either_end(Random& random, size_t axis, size_t rank) {
  const auto front = static_cast<int64_t>(axis);
  return coin(random) ? front : front - static_cast<int64_t>(rank);
}

TEST(MovementOperators, Transpose_PermutesAxes) {
  each_type_and_shape(20, [](Random& random, const Tensor& x) {
    std::vector<int64_t> perm(x.shape().size());
    std::iota(perm.rbegin(), perm.rend(), 0);
    Call call{"Transpose", {x}};
    if (coin(random)) {
      random.shuffle(std::span<int64_t>(perm));
      call.attributes["perm"] = perm;
    }
    Shape shape;
    for (const int64_t axis : perm) shape.push_back(x.shape()[static_cast<size_t>(axis)]);
    const Array values(x);
    const Array expected = Array::made(shape, [&](const Index& at) {
      Index from(at.size());
      for (size_t i = 0; i < at.size(); ++i) from[static_cast<size_t>(perm[i])] = at[i];
      return values(from);
    });
    expect_close(run(call)[0], x.dtype(), expected);
  });
  const Tensor x(DType::f32, {2, 3});
  for (const std::vector<int64_t>& perm :
       std::vector<std::vector<int64_t>>{{}, {0}, {0, 0}, {0, 2}, {-1, 0}, {0, 1, 2}}) {
    expect_refused({"Transpose", {x}, {{"perm", perm}}}, "'perm' is");
  }
}

TEST(MovementOperators, Expand_BroadcastsBothWays) {
  each_type_and_shape(21, [](Random& random, const Tensor& whole) {
    // The shape asked for may have extents of 1, or fewer axes, where the input has more.
    const Tensor x = random_tensor(random, whole.dtype(), broadcastable(random, whole.shape()));
    const Shape wanted = broadcastable(random, whole.shape());
    Shape shape(std::max(x.shape().size(), wanted.size()), 1);
    for (size_t back = 1; back <= shape.size(); ++back) {
      int64_t& extent = shape[shape.size() - back];
      if (back <= x.shape().size()) extent = x.shape()[x.shape().size() - back];
      if (back <= wanted.size() && extent == 1) extent = wanted[wanted.size() - back];
    }
    const Array values(x);
    const Array expected =
        Array::made(shape, [&](const Index& at) { return values.broadcast(at); });
    expect_close(run({"Expand", {x, integers(wanted)}})[0], x.dtype(), expected);
  });
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"Expand", {x, integers({4})}}, "broadcasts with");
  expect_refused({"Expand", {x, integers({-1, 3})}}, "is -1");
  expect_refused({"Expand", {x, integers({int64_t{1} << 60, 1, 1})}}, "extent of the shape");
  expect_refused({"Expand", {x, integers({1 << 30, 1, 1})}}, "absurdly large");
  expect_refused({"Expand", {x, Tensor(DType::f32, {1})}}, "the shape");
  expect_refused({"Expand", {x, integers({2, 3})}, {}, 1, "", {1}}, "the shape");
}

TEST(MovementOperators, Tile_Repeats) {
  each_type_and_shape(22, [](Random& random, const Tensor& x) {
    std::vector<int64_t> repeats;
    Shape shape = x.shape();
    for (int64_t& extent : shape) {
      repeats.push_back(between(random, random.below(8) == 0 ? 0 : 1, 2));
      extent *= repeats.back();
    }
    const Array values(x);
    const Array expected = Array::made(shape, [&](const Index& at) {
      Index from = at;
      for (size_t i = 0; i < from.size(); ++i) from[i] %= x.shape()[i];
      return values(from);
    });
    expect_close(run({"Tile", {x, integers(repeats)}})[0], x.dtype(), expected);
  });
  const Tensor x(DType::f32, {2, 3});
  expect_refused({"Tile", {x, integers({2})}}, "1 repeats");
  expect_refused({"Tile", {x, integers({2, -1})}}, "is -1");
  expect_refused({"Tile", {x, integers({1 << 30, 1 << 30})}}, "absurdly large");
}

TEST(MovementOperators, Concat_JoinsAlongAnAxis) {
  each_type_and_shape(23, [](Random& random, const Tensor& x) {
    if (x.shape().empty()) return;
    const size_t axis = random.below(x.shape().size());
    const Array first(x);
    Call call{"Concat", {x}, {{"axis", either_end(random, axis, x.shape().size())}}};
    std::vector<Array> parts = {Array(x)};
    Shape shape = x.shape();
    for (uint64_t i = random.below(4); i > 0; --i) {
      Shape other = x.shape();
      other[axis] = between(random, 0, 3);
      shape[axis] += other[axis];
      call.inputs.push_back(random_tensor(random, x.dtype(), other));
      parts.emplace_back(*call.inputs.back());
    }
    const Array expected = Array::made(shape, [&](const Index& at) {
      Index from = at;
      size_t part = 0;
      while (from[axis] >= parts[part].extent(axis)) from[axis] -= parts[part++].extent(axis);
      return parts[part](from);
    });
    expect_close(run(call)[0], x.dtype(), expected);
  });
  const Tensor x(DType::f32, {2, 3});
  const Attributes axis = {{"axis", int64_t{1}}};
  expect_refused({"Concat", {x}}, "'axis' is missing");
  expect_refused({"Concat", {x}, {{"axis", int64_t{2}}}}, "axis 2");
  expect_refused({"Concat", {Tensor::scalar(1.0f)}, {{"axis", int64_t{0}}}}, "axis 0");
  expect_refused({"Concat", {x, Tensor(DType::f32, {3, 3})}, axis}, "input 1 is");
  expect_refused({"Concat", {x, Tensor(DType::f32, {2})}, axis}, "input 1 is");
  expect_refused({"Concat", {x, Tensor(DType::f64, {2, 3})}, axis}, "input 1 is float64");
}

void expect_split(const Call& call, const Array& x, size_t axis,
                  const std::vector<int64_t>& sizes) {
  const std::vector<Tensor> found = run(call);
  ASSERT_EQ(found.size(), sizes.size());
  int64_t begin = 0;
  for (size_t part = 0; part < sizes.size(); ++part) {
    Shape shape = x.shape();
    shape[axis] = sizes[part];
    const Array expected = Array::made(shape, [&](const Index& at) {
      Index from = at;
      from[axis] += begin;
      return x(from);
    });
    expect_close(found[part], call.inputs[0]->dtype(), expected);
    begin += sizes[part];
  }
}

TEST(MovementOperators, Split_CutsAlongAnAxis) {
  each_type_and_shape(24, [](Random& random, const Tensor& x) {
    if (x.shape().empty()) return;
    const size_t axis = random.below(x.shape().size());
    const int64_t extent = x.shape()[axis];
    const int64_t first = between(random, 0, extent);
    const int64_t second = between(random, 0, extent - first);
    const std::vector<int64_t> sizes = {first, second, extent - first - second};
    Call call{
        "Split", {x, integers(sizes)}, {{"axis", either_end(random, axis, x.shape().size())}}, 3};
    expect_split(call, Array(x), axis, sizes);
    // Without sizes, equal parts: as many as there are outputs.
    const size_t parts = extent == 0 ? 2 : static_cast<size_t>(extent);
    call.inputs.resize(1);
    call.outputs = parts;
    expect_split(call, Array(x), axis,
                 std::vector<int64_t>(parts, extent / static_cast<int64_t>(parts)));
  });
  const Tensor x(DType::f32, {5, 2});
  expect_split({"Split", {x}, {}, 5}, Array(x), 0, {1, 1, 1, 1, 1});  // the axis is 0
  expect_refused({"Split", {x}, {}, 2}, "equal parts");
  expect_refused({"Split", {x, integers({2, 2})}, {}, 2}, "add up to 5");
  expect_refused({"Split", {x, integers({6, -1})}, {}, 2}, "a part is");
  expect_refused({"Split", {x, integers({2, 3})}, {}, 3}, "3 parts");
  expect_refused({"Split", {Tensor::scalar(1.0f)}, {}, 1}, "axis 0");
}

TEST(MovementOperators, DepthToSpace_MovesChannelsIntoBlocks) {
  Random random(25);
  for (const DType dtype : types_of("DepthToSpace")) {
    for (const int64_t b : {1, 2, 3}) {
      for (const std::string mode : {"DCR", "CRD"}) {
        const int64_t depth = between(random, 0, 3);
        const Shape shape = {2, depth * b * b, between(random, 0, 3), 3};
        const Tensor x = random_tensor(random, dtype, shape, -90, 90);
        const Array values(x);
        const Array expected =
            Array::made({2, depth, shape[2] * b, shape[3] * b}, [&](const Index& at) {
              const int64_t block = at[2] % b * b + at[3] % b;
              const int64_t c = mode == "DCR" ? block * depth + at[1] : at[1] * b * b + block;
              return values({at[0], c, at[2] / b, at[3] / b});
            });
        Call call{"DepthToSpace", {x}, {{"blocksize", b}, {"mode", mode}}};
        expect_close(run(call)[0], dtype, expected);
        if (mode == "CRD") continue;
        call.attributes.erase("mode");
        expect_close(run(call)[0], dtype, expected);
      }
    }
  }
  const Tensor x(DType::f32, {1, 6, 2, 2});
  const Attributes two = {{"blocksize", int64_t{2}}};
  expect_refused({"DepthToSpace", {x}}, "'blocksize' is missing");
  expect_refused({"DepthToSpace", {x}, two}, "multiple of 4 channels");
  expect_refused({"DepthToSpace", {x}, {{"blocksize", int64_t{0}}}}, "is 0");
  expect_refused({"DepthToSpace", {x}, {{"blocksize", int64_t{1} << 40}}}, "'blocksize'");
  expect_refused({"DepthToSpace", {Tensor(DType::f32, {4, 2, 2})}, two}, "4 dimensions");
  expect_refused({"DepthToSpace", {x}, {{"blocksize", int64_t{1}}, {"mode", std::string("RCD")}}},
                 "RCD");
}

TEST(MovementOperators, SpaceToDepth_MovesBlocksIntoChannels) {
  Random random(26);
  for (const DType dtype : types_of("SpaceToDepth")) {
    for (const int64_t b : {1, 2, 3}) {
      const Shape shape = {2, between(random, 0, 3), b * between(random, 0, 3), b * 2};
      const Tensor x = random_tensor(random, dtype, shape, -90, 90);
      const Array values(x);
      const int64_t depth = shape[1];
      const Array expected = Array::made({2, depth * b * b, shape[2] / b, 2}, [&](const Index& at) {
        const int64_t block = at[1] / depth;
        return values({at[0], at[1] % depth, at[2] * b + block / b, at[3] * b + block % b});
      });
      expect_close(run({"SpaceToDepth", {x}, {{"blocksize", b}}})[0], dtype, expected);
    }
  }
  expect_refused({"SpaceToDepth", {Tensor(DType::f32, {1, 1, 3, 2})}, {{"blocksize", int64_t{2}}}},
                 "multiples of 2");
  expect_refused({"SpaceToDepth", {Tensor(DType::f32, {1, 1, 3, 2})}}, "'blocksize' is missing");
}

TEST(Strides, OfNothingDoNotOverflow) {
  const int64_t huge = int64_t{1} << 45;
  EXPECT_EQ(detail::row_major({0, huge, huge})[2], 1);
  EXPECT_EQ(detail::row_major({3, 4, 5}), (detail::Strides{20, 5, 1}));
}

}  // namespace
}  // namespace betimes::graph
