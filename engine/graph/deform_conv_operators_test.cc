// DeformConv, written out from its sum over all elements of the input.
#include <gtest/gtest.h>

#include <cmath>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

struct Deformed {
  int64_t batch, groups, in, out, offset_groups;  // in, out: channels of a group
  Ints spatial, kernel, strides, dilations, begins, ends, extents;
  std::optional<Tensor> bias, mask;
  Tensor x, w, offset;

  size_t rank() const { return spatial.size(); }
  int64_t taps() const { return element_count(kernel); }
};

Shape joined(Shape shape, const Ints& more) {
  shape.insert(shape.end(), more.begin(), more.end());
  return shape;
}

Deformed random_deformed(Random& random, DType dtype) {
  Deformed d;
  d.batch = between(random, 1, 2);
  d.groups = between(random, 1, 3);
  d.in = between(random, 1, 3);
  d.out = between(random, 1, 2);
  // 1, one for each channel of a group, or one for each channel.
  const Ints divisors = {1, d.in, d.groups, d.groups * d.in};
  d.offset_groups = divisors[random.below(4)];
  for (size_t i = 0, rank = 1 + random.below(3); i < rank; ++i) {
    d.kernel.push_back(between(random, 1, 3));
    d.strides.push_back(between(random, 1, 2));
    d.dilations.push_back(between(random, 1, 2));
    d.begins.push_back(between(random, 0, 2));
    d.ends.push_back(between(random, 0, 2));
    const int64_t reach = (d.kernel[i] - 1) * d.dilations[i] + 1;
    d.spatial.push_back(reach + between(random, 0, rank == 3 ? 1 : 4));
    const int64_t whole = d.spatial[i] + d.begins[i] + d.ends[i];
    d.extents.push_back((whole - reach) / d.strides[i] + 1);
  }
  const auto rank = static_cast<int64_t>(d.rank());
  d.x = random_tensor(random, dtype, joined({d.batch, d.groups * d.in}, d.spatial), -1, 1);
  d.w = random_tensor(random, dtype, joined({d.groups * d.out, d.in}, d.kernel), -1, 1);
  const Shape offset = joined({d.batch, d.offset_groups * d.taps() * rank}, d.extents);
  d.offset = random_tensor(random, dtype, offset, -2, 2);
  if (coin(random)) d.bias = random_tensor(random, dtype, {d.groups * d.out}, -1, 1);
  if (coin(random)) {
    const Shape mask = joined({d.batch, d.offset_groups * d.taps()}, d.extents);
    d.mask = random_tensor(random, dtype, mask, 0, 1);
  }
  return d;
}

/// x between its elements, 0 outside: each element counts by its distance along every axis.
double between_elements(const Array& x, int64_t n, int64_t c, const std::vector<double>& point) {
  double sum = 0;
  each_index(Shape(x.shape().begin() + 2, x.shape().end()), [&](const Index& at) {
    double weight = 1;
    for (size_t i = 0; i < at.size(); ++i) {
      weight *= std::max(0.0, 1 - std::fabs(point[i] - static_cast<double>(at[i])));
    }
    if (weight > 0) sum += weight * x(joined({n, c}, at));
  });
  return sum;
}

Array expected_of(const Deformed& d) {
  const Array x(d.x), w(d.w), offset(d.offset);
  const auto rank = static_cast<int64_t>(d.rank());
  return Array::made(joined({d.batch, d.groups * d.out}, d.extents), [&](const Index& at) {
    const Index place(at.begin() + 2, at.end());
    double sum = d.bias ? Array(*d.bias)({at[1]}) : 0;
    for (int64_t i = 0; i < d.in; ++i) {
      const int64_t channel = at[1] / d.out * d.in + i;
      const int64_t group = channel / (d.groups * d.in / d.offset_groups);
      int64_t tap = group * d.taps();
      each_index(d.kernel, [&](const Index& k) {
        std::vector<double> point;
        for (size_t axis = 0; axis < d.rank(); ++axis) {
          const auto which = tap * rank + static_cast<int64_t>(axis);
          const int64_t still =
              place[axis] * d.strides[axis] - d.begins[axis] + k[axis] * d.dilations[axis];
          point.push_back(static_cast<double>(still) + offset(joined({at[0], which}, place)));
        }
        const double mask = d.mask ? Array(*d.mask)(joined({at[0], tap}, place)) : 1;
        sum += mask * w(joined({at[1], i}, k)) * between_elements(x, at[0], channel, point);
        ++tap;
      });
    }
    return sum;
  });
}

Call call_of(const Deformed& d) {
  Call call{"DeformConv",
            {d.x, d.w, d.offset, d.bias, d.mask},
            {{"group", d.groups},
             {"offset_group", d.offset_groups},
             {"strides", d.strides},
             {"dilations", d.dilations},
             {"pads", joined(d.begins, d.ends)}}};
  while (!call.inputs.back()) call.inputs.pop_back();
  return call;
}

TEST(DeformConvOperators, DeformConv_ReadsWhereItsOffsetsSay) {
  Random random(150);
  for (const DType dtype : types_of("DeformConv")) {
    for (int i = 0; i < 60; ++i) {
      const Deformed d = random_deformed(random, dtype);
      const Call call = call_of(d);
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, expected_of(d), 40);
    }
  }
}

TEST(DeformConvOperators, DeformConv_WithoutOffsetsIsAConvolution) {
  Random random(151);
  for (int i = 0; i < 20; ++i) {
    Deformed d = random_deformed(random, DType::f64);
    d.offset = Tensor(DType::f64, d.offset.shape());
    d.mask = std::nullopt;
    const Call call = call_of(d);
    Call plain = call;
    plain.op = "Conv";
    plain.attributes.erase("offset_group");
    plain.inputs = {d.x, d.w};
    if (d.bias) plain.inputs.push_back(d.bias);
    SCOPED_TRACE(call.describe());
    expect_close(run(call)[0], DType::f64, Array(run(plain)[0]), 40);
  }
}

TEST(DeformConvOperators, DeformConv_SurvivesPointsThatAreNowhere) {
  const Tensor x = Tensor::from<float>({1, 1, 2}, std::vector<float>{1, 2});
  const Tensor w = Tensor::from<float>({1, 1, 1}, std::vector<float>{1});
  const Tensor offset = Tensor::from<float>({1, 1, 2}, std::vector<float>{NAN, 1e30f});
  expect_close(run({"DeformConv", {x, w, offset}})[0], DType::f32, Array(Shape{1, 1, 2}));
}

TEST(DeformConvOperators, DeformConv_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 4, 5, 5});
  const Tensor w(DType::f32, {2, 4, 3, 3});
  const Tensor offset(DType::f32, {1, 18, 3, 3});
  EXPECT_NO_THROW(run({"DeformConv", {x, w, offset}}));
  expect_refused({"DeformConv", {x, w, offset}, {{"offset_group", int64_t{3}}}}, "offset_group");
  expect_refused({"DeformConv", {x, w, offset}, {{"offset_group", int64_t{0}}}}, "offset_group");
  expect_refused({"DeformConv", {x, w, offset}, {{"offset_group", int64_t{2}}}}, "input 2");
  expect_refused({"DeformConv", {x, w, Tensor(DType::f32, {1, 18, 3, 2})}}, "input 2");
  expect_refused({"DeformConv", {x, w, offset, Tensor(DType::f32, {3})}}, "input 3");
  const Tensor mask(DType::f32, {1, 18, 3, 3});
  expect_refused({"DeformConv", {x, w, offset, std::nullopt, mask}}, "input 4");
  expect_refused({"DeformConv", {x, w, Tensor(DType::f64, {1, 18, 3, 3})}}, "input 2 is float64");
}

}  // namespace
}  // namespace betimes::graph
