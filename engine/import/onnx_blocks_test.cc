// QuantizeLinear and DequantizeLinear of opset 21 with a scale for each block along an axis.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/import/testing/contrib.h"

namespace betimes::import {
namespace {

using namespace graph::testing;
using samples::computed;
using samples::expect_refused;
using samples::Written;

struct Blocks {
  Shape shape;
  int64_t axis = 0;  // may count from the end
  int64_t size = 1;
  Shape scales;

  /// The place of an element's scale.
  Index scale_of(Index at) const {
    int64_t& place = at[from_front()];
    place /= size;
    return at;
  }
  size_t from_front() const {
    return static_cast<size_t>(axis < 0 ? axis + std::ssize(shape) : axis);
  }
};

Blocks random_blocks(Random& random) {
  Blocks b;
  const int64_t rank = between(random, 1, 4);
  for (int64_t i = 0; i < rank; ++i) b.shape.push_back(between(random, 1, 5));
  b.axis = between(random, -rank, rank - 1);
  b.size = between(random, 1, 6);  // the last block may be short
  b.scales = b.shape;
  int64_t& extent = b.scales[b.from_front()];
  extent = (extent + b.size - 1) / b.size;
  return b;
}

double low_of(DType dtype) {
  if (dtype == DType::i8) return -128;
  return dtype == DType::i16 ? -32768 : 0;
}
double high_of(DType dtype) {
  const bool wide = dtype == DType::u16 || dtype == DType::i16;
  return low_of(dtype) + (wide ? 65535 : 255);
}

Written call_of(const char* op, const Blocks& b, const Tensor& x, const Tensor& scale,
                const std::optional<Tensor>& zero) {
  Written call{op, {x, scale, zero}, {{"axis", b.axis}, {"block_size", b.size}}, {true}, ""};
  call.opset = 21;
  if (!zero) call.inputs.pop_back();
  return call;
}

TEST(OnnxBlocks, DequantizeLinearScalesEachBlock) {
  Random random(240);
  for (const DType dtype : {DType::u8, DType::i8, DType::u16, DType::i16, DType::i32}) {
    for (int i = 0; i < 40; ++i) {
      const Blocks b = random_blocks(random);
      const Tensor x = random_tensor(random, dtype, b.shape, -200, 200);
      const Tensor scale = random_tensor(random, DType::f32, b.scales, 0.01, 2);
      std::optional<Tensor> zero;
      if (coin(random)) zero = random_tensor(random, dtype, b.scales, -9, 9);
      const Array expected = Array::made(b.shape, [&](const Index& at) {
        const Index block = b.scale_of(at);
        return (Array(x)(at) - (zero ? Array(*zero)(block) : 0)) * Array(scale)(block);
      });
      SCOPED_TRACE(to_string(x.type()) + " by " + to_string(scale.type()));
      const Written call = call_of("DequantizeLinear", b, x, scale, zero);
      expect_close(computed(call).at(0), DType::f32, expected, 2);
    }
  }
}

TEST(OnnxBlocks, QuantizeLinearScalesEachBlock) {
  Random random(241);
  for (const DType dtype : {DType::u8, DType::i8, DType::u16, DType::i16}) {
    for (int i = 0; i < 40; ++i) {
      const Blocks b = random_blocks(random);
      // Some saturate.
      const Tensor x = random_tensor(random, DType::f32, b.shape, -50, 50);
      const Tensor scale =
          random_tensor(random, DType::f32, b.scales, dtype == DType::i8 ? 0.2 : 0.001, 1);
      std::optional<Tensor> zero = random_tensor(random, dtype, b.scales, -9, 9);
      if (dtype == DType::u8 && coin(random)) zero = std::nullopt;
      SCOPED_TRACE(to_string(x.type()) + " by " + to_string(scale.type()));
      const Tensor found = computed(call_of("QuantizeLinear", b, x, scale, zero)).at(0);
      ASSERT_EQ(found.type(), (TensorType{dtype, b.shape}));
      each_index(b.shape, [&](const Index& at) {
        const Index block = b.scale_of(at);
        const double exact = Array(x)(at) / Array(scale)(block) + (zero ? Array(*zero)(block) : 0);
        // A tie in float may not be one in double.
        EXPECT_LE(std::fabs(Array(found)(at) - std::clamp(exact, low_of(dtype), high_of(dtype))),
                  0.51);
      });
    }
  }
}

TEST(OnnxBlocks, BlocksAreRefusedByName) {
  const Tensor x(DType::i8, {4, 3});
  const auto with = [&](const Shape& scales, int64_t block) {
    Blocks b{{4, 3}, 0, block, scales};
    return call_of("DequantizeLinear", b, x, Tensor(DType::f32, scales), std::nullopt);
  };
  expect_refused(with({2, 3}, -1), "block_size is -1");
  Written nowhere = with({2, 3}, 2);
  nowhere.attributes["axis"] = INT64_MAX;
  expect_refused(nowhere, "axis is");
  EXPECT_THROW(computed(with({1, 3}, 2)), Error);
  expect_refused(with({2, 2}, 2), "broadcast");
}

/// Weights in blocks are constants in floats before anything is planned.
TEST(OnnxBlocks, ConstantsFold) {
  const Blocks b{{4, 3}, 0, 2, {2, 3}};
  graph::Graph graph = samples::canonical(call_of("DequantizeLinear", b, Tensor(DType::i8, b.shape),
                                                  Tensor(DType::f32, b.scales), std::nullopt));
  for (const graph::ValueInfo& input : graph.inputs) {
    graph.constants[input.name] = Tensor(input.dtype, input.name == "input0" ? b.shape : b.scales);
  }
  graph.inputs.clear();
  const graph::StaticGraph known = graph::specialize(graph, {});
  EXPECT_TRUE(known.graph.nodes.empty());
}

}  // namespace
}  // namespace betimes::import
