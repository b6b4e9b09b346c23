// Every rule, on graphs as data: what the node of an older or newer opset becomes.
#include "betimes/import/detail/onnx_upgrade.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"

namespace betimes::import {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::Node;
using Integers = std::vector<int64_t>;
using Names = std::vector<std::string>;
using Attributes = std::map<std::string, Attribute>;

Tensor integers(const Integers& values) {
  return Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values);
}
Tensor reals(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

/// One node that reads "x" (rank 4) and makes "y", brought to canonical form.
Graph upgrade(int opset, const std::string& op, Attributes attributes, Names more_inputs = {},
              std::map<std::string, Tensor> constants = {}, Names outputs = {"y"}) {
  Graph graph;
  graph.inputs.push_back({"x", DType::f32, std::vector<graph::Dim>(4, graph::Dim{2, {}})});
  for (const std::string& output : outputs) graph.outputs.push_back({output, DType::f32, {}});
  Names inputs = {"x"};
  inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
  graph.nodes.push_back({"n", op, "", inputs, outputs, std::move(attributes)});
  graph.constants = std::move(constants);
  detail::to_canonical(graph, opset);
  return graph;
}

std::string refusal(int opset, const std::string& op, Attributes attributes, Names more_inputs = {},
                    std::map<std::string, Tensor> constants = {}) {
  try {
    upgrade(opset, op, std::move(attributes), std::move(more_inputs), std::move(constants));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

Integers integer_input(const Graph& graph, size_t input) {
  const auto data = graph.constants.at(graph.nodes.at(0).inputs.at(input)).data<int64_t>();
  return {data.begin(), data.end()};
}
std::vector<float> real_input(const Graph& graph, size_t input) {
  const auto data = graph.constants.at(graph.nodes.at(0).inputs.at(input)).data<float>();
  return {data.begin(), data.end()};
}

Names operators_of(const Graph& graph) {
  Names names;
  for (const Node& node : graph.nodes) names.push_back(node.op);
  return names;
}

TEST(OnnxOlder, ClipTakesItsBoundsAsInputs) {
  const Graph both = upgrade(6 + 1, "Clip", {{"min", 0.0f}, {"max", 6.0f}});
  EXPECT_EQ(real_input(both, 1), std::vector<float>{0});
  EXPECT_EQ(real_input(both, 2), std::vector<float>{6});
  EXPECT_TRUE(both.nodes[0].attributes.empty());
  const Graph upper = upgrade(10, "Clip", {{"max", 6.0f}});
  EXPECT_EQ(upper.nodes[0].inputs[1], "");
  EXPECT_EQ(real_input(upper, 2), std::vector<float>{6});
}

TEST(OnnxOlder, SoftmaxOverTheLastAxisStaysPlain) {
  for (const int64_t axis : {-1, 3}) {
    const Graph graph = upgrade(11, "Softmax", {{"axis", axis}});
    EXPECT_EQ(operators_of(graph), Names{"Softmax"});
    EXPECT_EQ(graph.nodes[0].get("axis", int64_t{9}), -1);
  }
  EXPECT_EQ(upgrade(13, "Softmax", {{"axis", int64_t{1}}}).nodes[0].get("axis", int64_t{9}), 1);
}

TEST(OnnxOlder, SoftmaxOverMoreAxesIsFlattened) {
  for (const char* op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    const Graph graph = upgrade(12, op, {});  // the default axis was 1
    EXPECT_EQ(operators_of(graph), (Names{"Shape", "Flatten", op, "Reshape"}));
    EXPECT_EQ(graph.nodes[1].get("axis", int64_t{9}), 1);
    EXPECT_EQ(graph.nodes[2].get("axis", int64_t{9}), -1);
    EXPECT_EQ(graph.nodes[2].inputs, graph.nodes[1].outputs);
    EXPECT_EQ(graph.nodes[3].inputs, (Names{graph.nodes[2].outputs[0], graph.nodes[0].outputs[0]}));
    EXPECT_EQ(graph.nodes[3].outputs, Names{"y"});
  }
}

TEST(OnnxOlder, RanksThatNodesTellKeepSoftmaxPlain) {
  Graph graph;
  graph.inputs.push_back({"x", DType::f32, std::nullopt});
  graph.outputs.push_back({"y", DType::f32, {}});
  graph.constants["w"] = Tensor(DType::f32, {4, 4});
  graph.nodes = {{"a", "Gemm", "", {"x", "w"}, {"g"}, {}},
                 {"b", "Relu", "", {"g"}, {"r"}, {}},
                 {"c", "Softmax", "", {"r"}, {"y"}, {}}};
  detail::to_canonical(graph, 11);
  EXPECT_EQ(operators_of(graph), (Names{"Gemm", "Relu", "Softmax"}));
}

TEST(OnnxOlder, AxesBecomeInputs) {
  for (const char* op : {"Squeeze", "Unsqueeze", "ReduceSum"}) {
    const Graph graph = upgrade(11, op, {{"axes", Integers{0, 2}}});
    EXPECT_EQ(integer_input(graph, 1), (Integers{0, 2})) << op;
    EXPECT_FALSE(graph.nodes[0].has("axes"));
  }
  EXPECT_EQ(upgrade(11, "Squeeze", {}).nodes[0].inputs, Names{"x"});
  EXPECT_NE(refusal(11, "Unsqueeze", {}).find("has no attribute 'axes'"), std::string::npos);
  // ReduceMean keeps the attribute in opset 17.
  EXPECT_TRUE(upgrade(11, "ReduceMean", {{"axes", Integers{1}}}).nodes[0].has("axes"));
}

TEST(OnnxOlder, SplitSlicePadAndTopKTakeInputs) {
  const Graph split = upgrade(11, "Split", {{"split", Integers{1, 1}}}, {}, {}, {"y", "z"});
  EXPECT_EQ(integer_input(split, 1), (Integers{1, 1}));
  const Graph slice =
      upgrade(9, "Slice", {{"starts", Integers{1}}, {"ends", Integers{2}}, {"axes", Integers{3}}});
  EXPECT_EQ(integer_input(slice, 1), Integers{1});
  EXPECT_EQ(integer_input(slice, 2), Integers{2});
  EXPECT_EQ(integer_input(slice, 3), Integers{3});
  EXPECT_NE(refusal(9, "Slice", {{"starts", Integers{1}}}).find("'ends'"), std::string::npos);
  const Graph pad = upgrade(10, "Pad", {{"pads", Integers(8, 1)}, {"value", 2.0f}});
  EXPECT_EQ(integer_input(pad, 1), Integers(8, 1));
  EXPECT_EQ(real_input(pad, 2), std::vector<float>{2});
  EXPECT_NE(refusal(10, "Pad", {}).find("'pads'"), std::string::npos);
  EXPECT_EQ(integer_input(upgrade(9, "TopK", {{"k", int64_t{3}}}), 1), Integers{3});
}

TEST(OnnxOlder, UpsampleBecomesResize) {
  const std::vector<float> twice = {1, 1, 2, 2};
  const Graph by_attribute = upgrade(7, "Upsample", {{"scales", twice}});
  const Graph by_input = upgrade(9, "Upsample", {}, {"s"}, {{"s", reals(twice)}});
  for (const Graph& graph : {by_attribute, by_input}) {
    const Node& node = graph.nodes.at(0);
    EXPECT_EQ(node.op, "Resize");
    EXPECT_EQ(node.inputs[1], "");
    EXPECT_EQ(real_input(graph, 2), twice);
    EXPECT_EQ(node.get("mode", ""), "nearest");
    EXPECT_EQ(node.get("coordinate_transformation_mode", ""), "asymmetric");
    EXPECT_EQ(node.get("nearest_mode", ""), "floor");
  }
  EXPECT_NE(refusal(9, "Upsample", {}).find("has no scales"), std::string::npos);
}

TEST(OnnxOlder, ResizeOfOpsetTenShrinksUpwards) {
  const auto nearest = [](const std::vector<float>& scales) {
    return upgrade(10, "Resize", {}, {"s"}, {{"s", reals(scales)}})
        .nodes[0]
        .get("nearest_mode", "");
  };
  EXPECT_EQ(nearest({1, 1, 2, 2}), "floor");
  EXPECT_EQ(nearest({1, 1, 0.5f, 0.5f}), "ceil");
  EXPECT_THROW(nearest({1, 1, 0.5f, 2}), Error);
  const Graph linear =
      upgrade(10, "Resize", {{"mode", "linear"}}, {"s"}, {{"s", reals({1, 1, 2, 2})}});
  EXPECT_FALSE(linear.nodes[0].has("nearest_mode"));
  EXPECT_THROW(upgrade(10, "Resize", {{"mode", "cubic"}}, {"s"}, {{"s", reals({1})}}), Error);
}

TEST(OnnxOlder, ResizeOfOpsetElevenDropsEmptyTensors) {
  const Graph graph =
      upgrade(11, "Resize", {}, {"roi", "scales", "sizes"},
              {{"roi", reals({})}, {"scales", reals({})}, {"sizes", integers({1, 1, 4, 4})}});
  EXPECT_EQ(graph.nodes[0].inputs, (Names{"x", "", "", "sizes"}));
  EXPECT_FALSE(graph.is_constant("roi"));
}

TEST(OnnxOlder, DropoutAndBatchNormalizationForgetTraining) {
  EXPECT_FALSE(upgrade(7, "Dropout", {{"ratio", 0.5f}}).nodes[0].has("ratio"));
  EXPECT_THROW(upgrade(7, "Dropout", {}, {}, {}, {"y", "mask"}), Error);
  const Graph norm = upgrade(7, "BatchNormalization", {{"spatial", int64_t{1}}}, {}, {}, {"y"});
  EXPECT_FALSE(norm.nodes[0].has("spatial"));
  EXPECT_NE(refusal(7, "BatchNormalization", {{"spatial", int64_t{0}}}).find("spatial=0"),
            std::string::npos);
  EXPECT_THROW(upgrade(9, "BatchNormalization", {}, {}, {}, {"y", "mean"}), Error);
}

TEST(OnnxOlder, ScatterHasItsNewName) {
  EXPECT_EQ(upgrade(9, "Scatter", {}).nodes[0].op, "ScatterElements");
}

TEST(OnnxNewer, ReductionsTakeTheirAxesBackAsAttribute) {
  const Graph mean = upgrade(18, "ReduceMean", {}, {"a"}, {{"a", integers({2, 3})}});
  EXPECT_EQ(mean.nodes[0].get("axes", Integers{}), (Integers{2, 3}));
  EXPECT_EQ(mean.nodes[0].inputs, Names{"x"});
  EXPECT_TRUE(mean.constants.empty());
  const Graph noop = upgrade(18, "ReduceMax", {{"noop_with_empty_axes", int64_t{1}}});
  EXPECT_EQ(operators_of(noop), Names{"Identity"});
  EXPECT_NE(refusal(18, "ReduceMean", {}, {"x"}).find("computed while the model runs"),
            std::string::npos);
  EXPECT_NE(refusal(18, "ReduceMean", {}, {"a"}, {{"a", reals({1})}}).find("int64"),
            std::string::npos);
  const Attributes none = {{"noop_with_empty_axes", int64_t{1}}};
  EXPECT_EQ(operators_of(upgrade(18, "ReduceL2", none)), Names{"Abs"});
  EXPECT_EQ(operators_of(upgrade(18, "ReduceLogSum", none)), Names{"Log"});
  EXPECT_EQ(upgrade(18, "ReduceSumSquare", none).nodes.at(0).inputs, (Names{"x", "x"}));
}

TEST(OnnxNewer, AxesAreFoundThroughIdentity) {
  Graph graph;
  graph.inputs.push_back({"x", DType::f32, std::nullopt});
  graph.outputs.push_back({"y", DType::f32, {}});
  graph.constants["a"] = integers({1});
  graph.nodes = {{"i", "Identity", "", {"a"}, {"b"}, {}},
                 {"r", "ReduceMean", "", {"x", "b"}, {"y"}, {}}};
  detail::to_canonical(graph, 18);
  EXPECT_EQ(graph.nodes[1].get("axes", Integers{}), Integers{1});
}

TEST(OnnxNewer, SplitCountsItsOutputs) {
  const Attributes two = {{"num_outputs", int64_t{2}}};
  EXPECT_TRUE(upgrade(18, "Split", two, {}, {}, {"y", "z"}).nodes[0].attributes.empty());
  EXPECT_NE(refusal(18, "Split", two).find("num_outputs is 2"), std::string::npos);
}

TEST(OnnxNewer, PadSpreadsItsAxes) {
  const Graph graph = upgrade(18, "Pad", {}, {"p", "", "a"},
                              {{"p", integers({1, 2, 3, 4})}, {"a", integers({-1, 1})}});
  EXPECT_EQ(integer_input(graph, 1), (Integers{0, 2, 0, 1, 0, 4, 0, 3}));
  EXPECT_EQ(graph.nodes[0].inputs.size(), 2u);
  EXPECT_NE(refusal(18, "Pad", {}, {"p", "", "a"}, {{"p", integers({1, 2})}, {"a", integers({4})}})
                .find("axis 4"),
            std::string::npos);
}

TEST(OnnxNewer, ResizeSpreadsItsScales) {
  const Graph graph = upgrade(18, "Resize", {{"axes", Integers{2, 3}}, {"antialias", int64_t{0}}},
                              {"", "s"}, {{"s", reals({2, 3})}});
  EXPECT_EQ(real_input(graph, 2), (std::vector<float>{1, 1, 2, 3}));
  EXPECT_TRUE(graph.nodes[0].attributes.empty());
}

TEST(OnnxNewer, ResizeKeepsWhatItCannotSpread) {
  const Attributes axes = {{"axes", Integers{2, 3}}};
  const auto kept = [&](const char* key, const char* value, Names inputs) {
    Attributes all = axes;
    all[key] = std::string(value);
    const std::map<std::string, Tensor> constants = {{"s", integers({2, 3})}, {"f", reals({2, 3})}};
    return upgrade(19, "Resize", all, inputs, constants).nodes.back().has("axes");
  };
  EXPECT_TRUE(kept("keep_aspect_ratio_policy", "not_larger", {"", "", "s"}));
  EXPECT_FALSE(kept("keep_aspect_ratio_policy", "stretch", {"", "", "s"}));
  EXPECT_TRUE(kept("coordinate_transformation_mode", "tf_crop_and_resize", {"r", "f"}));
  EXPECT_FALSE(kept("coordinate_transformation_mode", "half_pixel_symmetric", {"", "f"}));
  EXPECT_TRUE(kept("mode", "linear", {"", "computed"}));
  EXPECT_TRUE(upgrade(18, "Resize", {{"antialias", int64_t{1}}}).nodes[0].has("antialias"));
}

TEST(OnnxNewer, ResizeSpreadsItsSizesOverTheShape) {
  Graph graph =
      upgrade(18, "Resize", {{"axes", Integers{3, 1}}}, {"", "", "s"}, {{"s", integers({5, 1})}});
  EXPECT_EQ(operators_of(graph), (Names{"Shape", "ScatterElements", "Resize"}));
  graph::validate(graph);
  const Tensor x(DType::f32, {2, 2, 2, 2});
  EXPECT_EQ(graph::evaluate(graph, {{"x", x}}).at("y").shape(), (Shape{2, 1, 2, 5}));
}

TEST(OnnxNewer, GroupNormalizationSpreadsItsScalesOverChannels) {
  const auto normalized = [](int opset, const std::vector<float>& scale) {
    Graph graph = upgrade(opset, "GroupNormalization", {{"num_groups", int64_t{1}}}, {"s", "s"},
                          {{"s", reals(scale)}});
    graph::validate(graph);
    const Tensor x = Tensor(DType::f32, {2, 2, 2, 2});
    return graph::evaluate(graph, {{"x", x}}).at("y").data<float>()[15];
  };
  EXPECT_EQ(normalized(18, {3}), 3);
  EXPECT_EQ(normalized(21, {3, 4}), 4);
}

TEST(OnnxNewer, HarmlessAttributesGo) {
  EXPECT_FALSE(upgrade(19, "Cast", {{"saturate", int64_t{1}}}).nodes[0].has("saturate"));
  EXPECT_FALSE(
      upgrade(21, "DequantizeLinear", {{"block_size", int64_t{0}}}).nodes[0].has("block_size"));
}

TEST(OnnxNewer, QuantizeLinearSaysItsTypeByAZeroPoint) {
  const std::map<std::string, Tensor> scales = {{"s", reals({0.5f, 0.25f})}};
  const Graph graph = upgrade(21, "QuantizeLinear", {{"output_dtype", int64_t{3}}}, {"s"}, scales);
  const Tensor& zero = graph.constants.at(graph.nodes[0].inputs.at(2));
  EXPECT_EQ(zero.type(), (TensorType{DType::i8, {2}}));
  EXPECT_NE(refusal(21, "QuantizeLinear", {{"output_dtype", int64_t{22}}}, {"s"}, scales)
                .find("output_dtype"),
            std::string::npos);
}

TEST(OnnxNewer, GeluAndMishAreWrittenOut) {
  EXPECT_EQ(operators_of(upgrade(20, "Gelu", {})), (Names{"Mul", "Erf", "Add", "Mul", "Mul"}));
  EXPECT_EQ(operators_of(upgrade(20, "Gelu", {{"approximate", "tanh"}})),
            (Names{"Mul", "Mul", "Mul", "Add", "Mul", "Tanh", "Add", "Mul", "Mul"}));
  EXPECT_THROW(upgrade(20, "Gelu", {{"approximate", "fast"}}), Error);
  EXPECT_EQ(operators_of(upgrade(18, "Mish", {})), (Names{"Softplus", "Tanh", "Mul"}));
}

/// x [1, 2, 3] and weights [2, 2, 1] in 8 bits, with a scale for each output channel and a bias.
Graph integer_convolution() {
  Graph graph;
  graph.inputs.push_back({"x", DType::u8, std::vector<graph::Dim>{{1, {}}, {2, {}}, {3, {}}}});
  graph.outputs.push_back({"y", DType::u8, {}});
  graph.constants = {{"xs", Tensor::scalar(0.5f)},
                     {"xz", Tensor::scalar<uint8_t>(3)},
                     {"w", Tensor::from<int8_t>({2, 2, 1}, std::vector<int8_t>{1, -2, 3, 4})},
                     {"ws", reals({0.25f, 0.5f})},
                     {"wz", Tensor::from<int8_t>({2}, std::vector<int8_t>{0, 0})},
                     {"ys", Tensor::scalar(0.125f)},
                     {"yz", Tensor::scalar<uint8_t>(100)},
                     {"b", Tensor::from<int32_t>({2}, std::vector<int32_t>{5, -6})}};
  graph.nodes.push_back(
      {"n", "QLinearConv", "", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {"y"}, {}});
  return graph;
}

TEST(OnnxNewer, GridSampleHasTheOlderNamesOfItsModes) {
  const auto mode = [](const char* given) {
    return upgrade(20, "GridSample", {{"mode", std::string(given)}}).nodes.at(0).get("mode", "");
  };
  EXPECT_EQ(mode("linear"), "bilinear");
  EXPECT_EQ(mode("cubic"), "bicubic");
  EXPECT_EQ(mode("nearest"), "nearest");
}

TEST(OnnxInteger, QLinearConvIsSaidByDequantizingAndQuantizing) {
  Graph graph = integer_convolution();
  detail::to_canonical(graph, 10);
  EXPECT_EQ(operators_of(graph), (Names{"DequantizeLinear", "DequantizeLinear", "Mul",
                                        "DequantizeLinear", "Conv", "QuantizeLinear"}));
  graph::validate(graph);
  const Tensor x = Tensor::from<uint8_t>({1, 2, 3}, std::vector<uint8_t>{3, 4, 9, 0, 3, 250});
  const Tensor found = graph::evaluate(graph, {{"x", x}}).at("y");
  // By hand: xs ws / ys is 1 and 2; a = x - 3 is (0, 1, 6) and (-3, 0, 247).
  const std::vector<int> channels[] = {{0 + 6 + 5, 1 + 0 + 5, 6 - 494 + 5},
                                       {0 - 12 - 6, 3 + 0 - 6, 18 + 988 - 6}};
  for (int c = 0; c < 2; ++c) {
    for (int i = 0; i < 3; ++i) {
      const int sum = channels[c][static_cast<size_t>(i)] * (c + 1) + 100;
      EXPECT_EQ(int{found.data<uint8_t>()[static_cast<size_t>(3 * c + i)]}, std::clamp(sum, 0, 255))
          << c << ", " << i;
    }
  }
}

TEST(OnnxInteger, QLinearMatMulScalesColumns) {
  Graph graph = upgrade(13, "QLinearMatMul", {}, {"as", "az", "b", "bs", "bz", "ys", "yz"},
                        {{"b", Tensor(DType::i8, {4, 3})}});
  EXPECT_EQ(operators_of(graph),
            (Names{"DequantizeLinear", "DequantizeLinear", "MatMul", "QuantizeLinear"}));
  EXPECT_EQ(graph.nodes[1].get("axis", int64_t{-1}), 1);
  EXPECT_NE(refusal(13, "QLinearMatMul", {}, {"as", "az"}).find("input 3 is absent"),
            std::string::npos);
}

TEST(OnnxNewer, DftHasItsAxisAsAnInput) {
  const Graph given = upgrade(20, "DFT", {}, {"", "axis"}, {{"axis", Tensor::scalar(int64_t{1})}});
  EXPECT_EQ(given.nodes.at(0).get("axis", int64_t{9}), 1);
  EXPECT_EQ(given.nodes.at(0).inputs, Names{"x"});
  const Graph plain = upgrade(20, "DFT", {}, {"length"}, {});
  EXPECT_EQ(plain.nodes.at(0).get("axis", int64_t{9}), -2);
  EXPECT_EQ(plain.nodes.at(0).inputs, (Names{"x", "length"}));
}

TEST(OnnxConstants, EveryFormBecomesAConstant) {
  const auto value = [](const std::string& key, const Attribute& attribute) {
    Graph graph;
    graph.outputs.push_back({"c", DType::f32, {}});
    graph.nodes.push_back({"n", "Constant", "", {}, {"c"}, {{key, attribute}}});
    detail::to_canonical(graph, 13);
    EXPECT_TRUE(graph.nodes.empty());
    return graph.constants.at("c").type();
  };
  EXPECT_EQ(value("value", integers({1, 2})), (TensorType{DType::i64, {2}}));
  EXPECT_EQ(value("value_float", 1.0f), (TensorType{DType::f32, {}}));
  EXPECT_EQ(value("value_int", int64_t{1}), (TensorType{DType::i64, {}}));
  EXPECT_EQ(value("value_floats", std::vector<float>{1, 2, 3}), (TensorType{DType::f32, {3}}));
  EXPECT_EQ(value("value_ints", Integers{1}), (TensorType{DType::i64, {1}}));
  EXPECT_THROW(value("value_string", std::string("text")), Error);
}

}  // namespace
}  // namespace betimes::import
