// Operators of domain com.microsoft: what they become, and what that computes.
#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/detail/onnx_upgrade.h"

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

}  // namespace
}  // namespace betimes::import
