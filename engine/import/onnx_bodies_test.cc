// If, Loop and Scan: their bodies read values around them without saying so in the file, and ours
// say it.
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/graph/testing/graph.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/graphs.h"

namespace betimes::import {
namespace {

using graph::testing::expect_error;

void declare(onnx::ValueInfoProto& value, const std::string& name, int type,
             const std::vector<int64_t>& shape) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (const int64_t extent : shape) tensor.mutable_shape()->add_dim()->set_dim_value(extent);
}

void add_node(onnx::GraphProto& graph, const std::string& op, const std::vector<std::string>& in,
              const std::vector<std::string>& out) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  for (const std::string& name : in) node.add_input(name);
  for (const std::string& name : out) node.add_output(name);
}

void add_attribute(onnx::GraphProto& graph, const std::string& name, const onnx::GraphProto& body) {
  onnx::AttributeProto& attribute = *graph.mutable_node(graph.node_size() - 1)->add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = body;
}

onnx::ModelProto model_of(const onnx::GraphProto& graph, int opset = 17) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  auto& import = *model.add_opset_import();
  import.set_version(opset);
  *model.mutable_graph() = graph;
  return model;
}

graph::Graph parse(const onnx::ModelProto& model) {
  const std::string bytes = model.SerializeAsString();
  return parse_onnx(std::as_bytes(std::span(bytes)), "model");
}

/// y = flag ? -x : x + w, where x and w are values around the branches.
onnx::ModelProto choice() {
  onnx::GraphProto negative;
  negative.set_name("negative");
  add_node(negative, "Neg", {"x"}, {"a"});
  declare(*negative.add_output(), "a", onnx::TensorProto::FLOAT, {2});
  onnx::GraphProto sum;
  sum.set_name("sum");
  add_node(sum, "Add", {"x", "doubled"}, {"b"});
  declare(*sum.add_output(), "b", onnx::TensorProto::FLOAT, {2});
  onnx::GraphProto graph;
  graph.set_name("choice");
  declare(*graph.add_input(), "flag", onnx::TensorProto::BOOL, {});
  declare(*graph.add_input(), "x", onnx::TensorProto::FLOAT, {2});
  onnx::TensorProto& w = *graph.add_initializer();
  w.set_name("w");
  w.set_data_type(onnx::TensorProto::FLOAT);
  w.add_dims(2);
  w.add_float_data(1);
  w.add_float_data(2);
  add_node(graph, "Add", {"w", "w"}, {"doubled"});
  add_node(graph, "If", {"flag"}, {"y"});
  add_attribute(graph, "then_branch", negative);
  add_attribute(graph, "else_branch", sum);
  declare(*graph.add_output(), "y", onnx::TensorProto::FLOAT, {2});
  return model_of(graph);
}

TEST(OnnxBodies, SayWhatTheyReadAroundThem) {
  const graph::Graph graph = parse(choice());
  const graph::Node& node = graph.nodes.back();
  EXPECT_EQ(node.op, "If");
  EXPECT_EQ(node.get("captures", int64_t{0}), 2);
  ASSERT_EQ(node.inputs.size(), 3u);
  EXPECT_EQ(node.body("then_branch").inputs.size(), 2u);
  EXPECT_EQ(node.body("else_branch").inputs.size(), 2u);
  for (const bool flag : {true, false}) {
    const auto found = graph::evaluate(
        graph, {{"flag", Tensor::scalar(flag)}, {"x", Tensor::from<float>({2}, {5, 7})}});
    EXPECT_EQ(found.at("y").data<float>()[1], flag ? -7 : 11);
  }
}

TEST(OnnxBodies, SurviveBeingWritten) {
  const graph::Graph graph = parse(choice());
  const std::string bytes = serialize_onnx(graph);
  onnx::ModelProto written;
  ASSERT_TRUE(written.ParseFromString(bytes));
  EXPECT_EQ(written.graph().node(1).input_size(), 1);  // what ONNX allows
  EXPECT_EQ(samples::difference(graph, parse(written)), "");
}

TEST(OnnxBodies, AreWrittenUnderTheNamesAroundThem) {
  graph::Graph graph = parse(choice());
  for (std::string& input : graph.nodes.back().inputs) {
    if (input == "doubled") input = "w";  // as a pass would
  }
  graph.nodes.erase(graph.nodes.begin());
  const std::string bytes = serialize_onnx(graph);
  const graph::Graph again = parse_onnx(std::as_bytes(std::span(bytes)), "written");
  const auto found = graph::evaluate(
      again, {{"flag", Tensor::scalar(false)}, {"x", Tensor::from<float>({2}, {5, 7})}});
  EXPECT_EQ(found.at("y").data<float>()[1], 9);
}

/// A Loop of `trips` in an If's branch: bodies in bodies, all reading the outermost x.
TEST(OnnxBodies, MayStandInOneAnother) {
  onnx::GraphProto inner;
  inner.set_name("inner");
  declare(*inner.add_input(), "i", onnx::TensorProto::INT64, {});
  declare(*inner.add_input(), "go_on", onnx::TensorProto::BOOL, {});
  declare(*inner.add_input(), "s", onnx::TensorProto::FLOAT, {2});
  add_node(inner, "Identity", {"go_on"}, {"again"});
  add_node(inner, "Add", {"s", "x"}, {"t"});
  declare(*inner.add_output(), "again", onnx::TensorProto::BOOL, {});
  declare(*inner.add_output(), "t", onnx::TensorProto::FLOAT, {2});
  onnx::GraphProto outer;
  outer.set_name("outer");
  onnx::TensorProto& trips = *outer.add_initializer();
  trips.set_name("trips");
  trips.set_data_type(onnx::TensorProto::INT64);
  trips.add_int64_data(3);
  add_node(outer, "Loop", {"trips", "", "x"}, {"last"});
  add_attribute(outer, "body", inner);
  declare(*outer.add_output(), "last", onnx::TensorProto::FLOAT, {2});
  onnx::ModelProto model = choice();
  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(1);
  *node.mutable_attribute(0)->mutable_g() = outer;
  const graph::Graph graph = parse(model);
  const auto found = graph::evaluate(
      graph, {{"flag", Tensor::scalar(true)}, {"x", Tensor::from<float>({2}, {5, 7})}});
  EXPECT_EQ(found.at("y").data<float>()[1], 28);
  const std::string bytes = serialize_onnx(graph);
  EXPECT_EQ(samples::difference(graph, parse_onnx(std::as_bytes(std::span(bytes)), "w")), "");
}

/// Opset 12's Squeeze has its axes as an attribute: a body is brought to the canonical opset too.
TEST(OnnxBodies, AreBroughtToTheCanonicalOpset) {
  onnx::ModelProto model = choice();
  model.mutable_opset_import(0)->set_version(12);
  onnx::GraphProto& branch =
      *model.mutable_graph()->mutable_node(1)->mutable_attribute(0)->mutable_g();
  branch.mutable_node(0)->set_op_type("Unsqueeze");
  onnx::AttributeProto& axes = *branch.mutable_node(0)->add_attribute();
  axes.set_name("axes");
  axes.set_type(onnx::AttributeProto::INTS);
  axes.add_ints(0);
  const graph::Graph graph = parse(model);
  const auto found = graph::evaluate(
      graph, {{"flag", Tensor::scalar(true)}, {"x", Tensor::from<float>({2}, {5, 7})}});
  EXPECT_EQ(found.at("y").shape(), (Shape{1, 2}));
}

/// Running sums of x [batch, steps, 2] times the outer w, from s [batch, 2].
onnx::ModelProto batched_sums(int64_t direction) {
  onnx::GraphProto body;
  body.set_name("body");
  declare(*body.add_input(), "state", onnx::TensorProto::FLOAT, {2});
  declare(*body.add_input(), "step", onnx::TensorProto::FLOAT, {2});
  add_node(body, "Mul", {"step", "w"}, {"scaled"});
  add_node(body, "Add", {"state", "scaled"}, {"next"});
  add_node(body, "Identity", {"next"}, {"seen"});
  declare(*body.add_output(), "next", onnx::TensorProto::FLOAT, {2});
  declare(*body.add_output(), "seen", onnx::TensorProto::FLOAT, {2});
  onnx::GraphProto graph;
  graph.set_name("graph");
  declare(*graph.add_input(), "w", onnx::TensorProto::FLOAT, {2});
  declare(*graph.add_input(), "s", onnx::TensorProto::FLOAT, {2, 2});
  declare(*graph.add_input(), "x", onnx::TensorProto::FLOAT, {2, 3, 2});
  add_node(graph, "Scan", {"", "s", "x"}, {"last", "all"});
  add_attribute(graph, "body", body);
  onnx::NodeProto& node = *graph.mutable_node(0);
  onnx::AttributeProto& count = *node.add_attribute();
  count.set_name("num_scan_inputs");
  count.set_type(onnx::AttributeProto::INT);
  count.set_i(1);
  onnx::AttributeProto& directions = *node.add_attribute();
  directions.set_name("directions");
  directions.set_type(onnx::AttributeProto::INTS);
  directions.add_ints(direction);
  declare(*graph.add_output(), "last", onnx::TensorProto::FLOAT, {2, 2});
  declare(*graph.add_output(), "all", onnx::TensorProto::FLOAT, {2, 3, 2});
  return model_of(graph, 8);
}

TEST(OnnxBodies, ScanOfOpsetEightGoesOverABatch) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::map<std::string, Tensor> inputs = {{"w", Tensor::from<float>({2}, {2, 10})},
                                                {"s", Tensor::from<float>({2, 2}, {1, 0, 0, 1})},
                                                {"x", Tensor::from<float>({2, 3, 2}, x)}};
  for (const int64_t direction : {0, 1}) {
    const graph::Graph graph = parse(batched_sums(direction));
    const auto found = graph::evaluate(graph, inputs);
    // Both orders end at the same sums.
    const auto last = found.at("last").data<float>();
    EXPECT_EQ(std::vector<float>(last.begin(), last.end()), (std::vector<float>{19, 120, 54, 301}));
    const auto all = found.at("all").data<float>();
    const std::vector<float> forwards = {3, 20, 9, 60, 19, 120, 14, 81, 32, 181, 54, 301};
    const std::vector<float> backwards = {11, 60, 17, 100, 19, 120, 22, 121, 40, 221, 54, 301};
    EXPECT_EQ(std::vector<float>(all.begin(), all.end()), direction == 0 ? forwards : backwards);
    // And so once more after it was written.
    const std::string bytes = serialize_onnx(graph);
    const graph::Graph again = parse_onnx(std::as_bytes(std::span(bytes)), "again");
    EXPECT_EQ(samples::difference(graph, again), "");
  }
  onnx::ModelProto lengths = batched_sums(0);
  lengths.mutable_graph()->mutable_node(0)->set_input(0, "w");
  expect_error([&] { parse(lengths); }, {"Scan", "sequence_lens"});
}

TEST(OnnxBodies, AreRefusedWhereTheyReadWhatNothingMakes) {
  onnx::ModelProto model = choice();
  onnx::GraphProto& branch =
      *model.mutable_graph()->mutable_node(1)->mutable_attribute(0)->mutable_g();
  branch.mutable_node(0)->set_input(0, "nowhere");
  expect_error([&] { parse(model); }, {"If", "nowhere", "nothing produces"});
  model = choice();
  model.mutable_graph()
      ->mutable_node(1)
      ->mutable_attribute(0)
      ->mutable_g()
      ->mutable_node(0)
      ->set_op_type("Frobnicate");
  expect_error([&] { parse(model); }, {"Frobnicate"});
}

}  // namespace
}  // namespace betimes::import
