// Operators of domain com.microsoft on 8-bit numbers: what they become, and what that computes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/graph/testing/node.h"
#include "betimes/import/detail/onnx_upgrade.h"
#include "betimes/import/testing/contrib.h"

namespace betimes::import {
namespace {

using graph::Graph;
using Names = std::vector<std::string>;

/// "x" [1, 1, 1, 4] of scale 1/2 and zero 10; "y" is of scale 1/4 and zero 20.
Graph quantized(const std::string& op, const Names& inputs,
                std::map<std::string, graph::Attribute> attributes = {}) {
  Graph graph;
  graph.inputs.push_back(
      {"x", DType::u8, std::vector<graph::Dim>{{1, {}}, {1, {}}, {1, {}}, {4, {}}}});
  graph.outputs.push_back({"y", DType::u8, {}});
  graph.constants = {{"xs", Tensor::scalar(0.5f)},
                     {"xz", Tensor::scalar<uint8_t>(10)},
                     {"ys", Tensor::scalar(0.25f)},
                     {"yz", Tensor::scalar<uint8_t>(20)}};
  graph.nodes.push_back({"n", op, "com.microsoft", inputs, {"y"}, std::move(attributes)});
  detail::to_canonical(graph, 11);
  graph::validate(graph);
  return graph;
}

/// Of x = -1, 0, 2, 4 in reals.
std::vector<int> result(const Graph& graph) {
  const Tensor x = Tensor::from<uint8_t>({1, 1, 1, 4}, std::vector<uint8_t>{8, 10, 14, 18});
  const Tensor y = graph::evaluate(graph, {{"x", x}}).at("y");
  return {y.data<uint8_t>().begin(), y.data<uint8_t>().end()};
}

const Names one = {"x", "xs", "xz", "ys", "yz"};
const Names two = {"x", "xs", "xz", "x", "xs", "xz", "ys", "yz"};
using Numbers = std::vector<int>;

TEST(OnnxContrib, QLinearOperatorsComputeOnReals) {
  EXPECT_EQ(result(quantized("QLinearAdd", two)), (Numbers{12, 20, 36, 52}));
  EXPECT_EQ(result(quantized("QLinearMul", two)), (Numbers{24, 20, 36, 84}));
  EXPECT_EQ(result(quantized("QLinearSigmoid", one)), (Numbers{21, 22, 24, 24}));
  EXPECT_EQ(result(quantized("QLinearLeakyRelu", one, {{"alpha", 0.5f}})),
            (Numbers{18, 20, 28, 36}));
  EXPECT_EQ(result(quantized("QLinearGlobalAveragePool", one)), Numbers{25});
  EXPECT_EQ(result(quantized("QLinearAveragePool", one,
                             {{"kernel_shape", std::vector<int64_t>{1, 2}},
                              {"strides", std::vector<int64_t>{1, 2}}})),
            (Numbers{18, 32}));
  const Names both = {"ys", "yz", "x", "xs", "xz", "x", "xs", "xz"};
  EXPECT_EQ(result(quantized("QLinearConcat", both, {{"axis", int64_t{3}}})),
            (Numbers{16, 20, 28, 36, 16, 20, 28, 36}));
}

TEST(OnnxContrib, RefusesWhatIsMissing) {
  EXPECT_THROW(quantized("QLinearAdd", {"x", "xs", "xz"}), Error);
  EXPECT_THROW(quantized("QLinearGlobalAveragePool", one, {{"channels_last", int64_t{1}}}), Error);
  EXPECT_THROW(quantized("QLinearConcat", {"ys", "yz", "x"}), Error);
  EXPECT_THROW(quantized("Relu", {"x"}), Error);
}

using namespace graph::testing;
using samples::computed;
using samples::expect_refused;
using samples::Written;

/// Numbers in 8 bits with their scales, one or one for each place along `axis`.
struct Quantized {
  Tensor values, scale;
  std::optional<Tensor> zero;
  size_t axis = 0;

  /// What they stand for.
  double operator()(const Index& at) const {
    const bool single = scale.size() == 1;
    const Index where = {single ? 0 : at[axis]};
    const double off = zero ? Array(flat(*zero))(where) : 0;
    return (Array(values)(at) - off) * Array(flat(scale))(where);
  }
  static Tensor flat(const Tensor& tensor) {
    const Tensor wide = tensor.cast(DType::f64);
    const auto data = wide.data<double>();
    return Tensor::from<double>({tensor.size()}, std::vector<double>(data.begin(), data.end()));
  }
};

/// `count` scales of numbers of the type, with or without a zero point for each.
Quantized random_quantized(Random& random, DType dtype, const Shape& shape, size_t axis = 0,
                           int64_t count = 1) {
  const bool is_signed = dtype == DType::i8;
  const Shape each = count == 1 ? Shape{} : Shape{count};
  Quantized q{random_tensor(random, dtype, shape, is_signed ? -128 : 0, is_signed ? 127 : 255),
              random_tensor(random, DType::f32, each, 0.01, 0.1), std::nullopt, axis};
  if (coin(random)) q.zero = random_tensor(random, dtype, each, is_signed ? -9 : 0, 20);
  return q;
}

/// `found` is `reals` in units of `unit`, where a tie in float may not be one in double.
void expect_quantized(const Tensor& found, const Array& reals, const Quantized& unit) {
  const DType dtype = unit.values.dtype();
  ASSERT_EQ(found.type(), (TensorType{dtype, reals.shape()}));
  const double low = dtype == DType::i8 ? -128 : 0;
  const double scale = Array(unit.scale)({});
  const double zero = unit.zero ? Array(*unit.zero)({}) : 0;
  each_index(reals.shape(), [&](const Index& at) {
    const double exact = std::clamp(reals(at) / scale + zero, low, low + 255);
    EXPECT_LE(std::fabs(Array(found)(at) - exact), 0.501);
  });
}

DType either(Random& random) { return coin(random) ? DType::u8 : DType::i8; }

TEST(OnnxContrib, QGemmComputesOnReals) {
  Random random(230);
  for (int i = 0; i < 150; ++i) {
    const int64_t m = between(random, 1, 4), k = between(random, 1, 9), n = between(random, 1, 5);
    const bool ta = coin(random), tb = coin(random), each = coin(random) && n > 1;
    const Quantized a = random_quantized(random, DType::u8, ta ? Shape{k, m} : Shape{m, k});
    const Quantized b = random_quantized(random, either(random), tb ? Shape{n, k} : Shape{k, n},
                                         tb ? 0 : 1, each ? n : 1);
    // Always a zero point, which says that the result is quantized.
    Quantized y = random_quantized(random, DType::u8, {});
    y.zero = Tensor::scalar<uint8_t>(7);
    y.scale = Tensor::scalar(0.5f);
    const Shape biases[] = {{n}, {1, n}, {m, n}, {m, 1}, {1}, {}};
    std::optional<Tensor> c;
    if (coin(random)) c = random_tensor(random, DType::i32, biases[random.below(6)], -500, 500);
    const float alpha = coin(random) ? 1.0f : 0.5f;
    const bool real = coin(random);
    Written call{"QGemm",
                 {a.values, a.scale, a.zero, b.values, b.scale, b.zero, c, y.scale, y.zero},
                 {{"transA", int64_t{ta}}, {"transB", int64_t{tb}}, {"alpha", alpha}}};
    if (real) call.inputs.resize(7);
    const Array expected = Array::made({m, n}, [&](const Index& at) {
      double sum = 0;
      for (int64_t j = 0; j < k; ++j) {
        sum +=
            a(ta ? Index{j, at[0]} : Index{at[0], j}) * b(tb ? Index{at[1], j} : Index{j, at[1]});
      }
      const double unit =
          Array(a.scale)({}) * (each ? Array(b.scale)({at[1]}) : Array(b.scale)({}));
      return alpha * (sum + unit * (c ? Array(*c).broadcast(at) : 0));
    });
    SCOPED_TRACE(std::string("case ") + std::to_string(i));
    const Tensor found = computed(call).at(0);
    real ? expect_close(found, DType::f32, expected, 60) : expect_quantized(found, expected, y);
  }
}

TEST(OnnxContrib, IntegerProductsGiveReals) {
  Random random(231);
  for (int i = 0; i < 100; ++i) {
    const int64_t m = between(random, 1, 4), k = between(random, 1, 9), n = between(random, 2, 5);
    const Quantized a = random_quantized(random, either(random), {2, m, k});
    const Quantized b = random_quantized(random, either(random), {k, n}, 1, coin(random) ? n : 1);
    std::optional<Tensor> bias;
    if (coin(random)) bias = random_tensor(random, DType::f32, {n});
    const auto product = [&](auto&& left) {
      return Array::made({2, m, n}, [&](const Index& at) {
        double sum = bias ? Array(*bias)({at[2]}) : 0;
        for (int64_t j = 0; j < k; ++j) sum += left(Index{at[0], at[1], j}) * b({j, at[2]});
        return sum;
      });
    };
    SCOPED_TRACE(std::string("case ") + std::to_string(i));
    const Written whole{"MatMulIntegerToFloat",
                        {a.values, b.values, a.scale, b.scale, a.zero, b.zero, bias}};
    expect_close(computed(whole).at(0), DType::f32, product(a), 100);
    const Tensor x = random_tensor(random, DType::f32, {2, m, k});
    const Written dynamic{"DynamicQuantizeMatMul", {x, b.values, b.scale, b.zero, bias}};
    // What ONNX's DynamicQuantizeLinear makes of x, to the nearest of 256 steps.
    const std::vector<Tensor> q = run({"DynamicQuantizeLinear", {x}, {}, 3});
    const Quantized steps{q[0], q[1], q[2]};
    expect_close(computed(dynamic).at(0), DType::f32, product(steps), 100);
  }
}

TEST(OnnxContrib, QLinearSoftmaxIsThatOfItsOpset) {
  Random random(232);
  for (int i = 0; i < 60; ++i) {
    const Shape shape = {between(random, 1, 3), between(random, 1, 4), between(random, 1, 5)};
    const int64_t axis = between(random, 0, 2);
    const bool flat = coin(random);
    const Quantized x = random_quantized(random, either(random), shape);
    Quantized y = random_quantized(random, x.values.dtype(), {});
    y.scale = Tensor::scalar(1.0f / 256);
    // Without a zero point the result is unsigned.
    if (!y.zero) y.values = Tensor(DType::u8, {});
    const Written call{"QLinearSoftmax",
                       {x.values, x.scale, x.zero, y.scale, y.zero},
                       {{"axis", axis}, {"opset", int64_t{flat ? 12 : 13}}}};
    const Array expected = Array::made(shape, [&](const Index& at) {
      double sum = 0;
      each_index(shape, [&](const Index& other) {
        bool together = true;
        for (int64_t k = 0; k < 3; ++k) {
          const bool along = flat ? k >= axis : k == axis;
          together =
              together && (along || other[static_cast<size_t>(k)] == at[static_cast<size_t>(k)]);
        }
        if (together) sum += std::exp(x(other) - x(at));
      });
      return 1 / sum;
    });
    SCOPED_TRACE(std::string("case ") + std::to_string(i));
    expect_quantized(computed(call).at(0), expected, y);
  }
}

TEST(OnnxContrib, QLinearReduceMeanAndWhereComputeOnReals) {
  Random random(233);
  for (int i = 0; i < 40; ++i) {
    const DType dtype = either(random);
    const Shape shape = {between(random, 1, 4), between(random, 1, 5)};
    const Quantized x = random_quantized(random, dtype, shape);
    const Quantized other = random_quantized(random, dtype, shape);
    const Quantized y = random_quantized(random, dtype, {});
    const Written mean{"QLinearReduceMean",
                       {x.values, x.scale, x.zero, y.scale, y.zero},
                       {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{1}}}};
    const Array means = Array::made({shape[0], 1}, [&](const Index& at) {
      double sum = 0;
      for (int64_t k = 0; k < shape[1]; ++k) sum += x({at[0], k});
      return sum / static_cast<double>(shape[1]);
    });
    if (y.zero || dtype == DType::u8) expect_quantized(computed(mean).at(0), means, y);
    const Tensor which = random_tensor(random, DType::boolean, shape);
    const Written chosen{
        "QLinearWhere",
        {which, x.values, x.scale, x.zero, other.values, other.scale, other.zero, y.scale, y.zero}};
    const Array values = Array::made(
        shape, [&](const Index& at) { return Array(which)(at) != 0 ? x(at) : other(at); });
    if (y.zero || dtype == DType::u8) expect_quantized(computed(chosen).at(0), values, y);
  }
}

}  // namespace
}  // namespace betimes::import
