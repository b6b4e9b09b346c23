#include <gtest/gtest.h>

#include <fstream>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/graphs.h"

namespace betimes::import {
namespace {

using graph::Graph;
using samples::difference;

Graph parse(const std::string& bytes) {
  return parse_onnx(std::as_bytes(std::span(bytes)), "written");
}

/// One of everything that a graph can hold.
Graph sample() {
  Graph graph;
  graph.name = "sample";
  graph.inputs = {{"x", DType::f32, {{{-1, "N"}, {-1, ""}, {3, ""}}}}, {"z", DType::i64, {}}};
  graph.outputs = {{"y", DType::f32, {{{-1, "N"}, {-1, ""}, {3, ""}}}}, {"z2", DType::i64, {}}};
  graph.nodes = {{"relu", "Relu", "", {"x"}, {"r"}, {}},
                 {"clip", "Clip", "", {"r", "", "top"}, {"y"}, {}},
                 {"copy", "Transpose", "", {"z"}, {"z2"}, {{"perm", std::vector<int64_t>{0}}}}};
  graph.constants["top"] = Tensor::scalar(6.0f);
  graph.metadata = {{"betimes.setting", "precision=int8"}, {"note", "two\nlines"}};
  return graph;
}

TEST(OnnxWrite, ReadsBackWhatItWrote) {
  const Graph graph = sample();
  const std::string bytes = serialize_onnx(graph);
  EXPECT_EQ(difference(graph, parse(bytes)), "");
  EXPECT_EQ(serialize_onnx(parse(bytes)), bytes);
}

TEST(OnnxWrite, KeepsEveryTypeOfConstant) {
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    const auto type = static_cast<DType>(i);
    Graph graph;
    graph.name = "g";
    graph.outputs = {{"c", type, {{{2, ""}, {0, ""}}}}, {"d", type, std::vector<graph::Dim>{}}};
    graph.constants["c"] = Tensor(type, {2, 0});
    graph.constants["d"] = Tensor::scalar(1.0f).cast(type);
    EXPECT_EQ(difference(graph, parse(serialize_onnx(graph))), "") << name(type);
  }
}

TEST(OnnxWrite, ImportsOurDomainOnlyWhenUsed) {
  // The opset import of a domain: field 8, then its length, the domain's tag, length and letters.
  const std::string imported =
      "\x0a\x07"
      "betimes\x10";
  Graph graph = sample();
  EXPECT_EQ(serialize_onnx(graph).find(imported), std::string::npos);
  graph.nodes[0].domain = "betimes";
  EXPECT_NE(serialize_onnx(graph).find(imported), std::string::npos);
}

/// One leaf of weight 2, written by attributes of every list kind.
graph::Node tree(const std::string& input, const std::string& output) {
  using Ints = std::vector<int64_t>;
  return {"tree",
          "TreeEnsembleRegressor",
          "ai.onnx.ml",
          {input},
          {output},
          {{"n_targets", int64_t{1}},
           {"nodes_treeids", Ints{0}},
           {"nodes_nodeids", Ints{0}},
           {"nodes_featureids", Ints{0}},
           {"nodes_truenodeids", Ints{0}},
           {"nodes_falsenodeids", Ints{0}},
           {"nodes_values", std::vector<float>{0}},
           {"nodes_modes", std::vector<std::string>{"LEAF"}},
           {"target_treeids", Ints{0}},
           {"target_nodeids", Ints{0}},
           {"target_ids", Ints{0}},
           {"target_weights", std::vector<float>{2}}}};
}

TEST(OnnxWrite, KeepsOtherDomainsWithTheirVersions) {
  // Domain, then its version: field 2.
  const std::string imported = std::string("\x0a\x0a") + "ai.onnx.ml" + "\x10\x03";
  Graph graph = sample();
  graph.inputs.push_back({"features", DType::f32, {{{-1, "N"}, {3, ""}}}});
  graph.outputs.push_back({"score", DType::f32, {{{-1, "N"}, {1, ""}}}});
  graph.nodes.push_back(tree("features", "score"));
  graph.nodes[0].domain = "betimes";
  graph.nodes[0].op = "Conv";
  EXPECT_NE(serialize_onnx(graph).find(imported), std::string::npos);
  EXPECT_NE(serialize_onnx(graph).find("betimes\x10"), std::string::npos);
  graph.nodes[0] = sample().nodes[0];
  EXPECT_EQ(difference(graph, parse(serialize_onnx(graph))), "");
}

TEST(OnnxRead, NeedsNoVersionOfADomainThatIsNotUsed) {
  Graph graph;
  graph.name = "g";
  graph.inputs = {{"x", DType::f32, {{{2, ""}, {3, ""}}}}};
  graph.outputs = {{"y", DType::f32, {{{2, ""}, {1, ""}}}}};
  graph.nodes = {tree("x", "y")};
  std::string bytes = serialize_onnx(graph);
  // The default domain's import: field 8 of 4 bytes, an empty domain and version 17.
  const std::string standard("\x42\x04\x0a\x00\x10\x11", 6);
  const size_t at = bytes.find(standard);
  ASSERT_NE(at, std::string::npos);
  bytes.erase(at, standard.size());
  EXPECT_EQ(difference(graph, parse(bytes)), "");
  std::string plain = serialize_onnx(sample());
  plain.erase(plain.find(standard), standard.size());
  EXPECT_THROW(parse(plain), Error);
}

TEST(OnnxWrite, RefusesAPathItCannotWrite) {
  EXPECT_THROW(write_onnx(sample(), "/nonexistent/m.onnx"), Error);
}

/// Reads, writes and reads again.
void expect_round_trip(const std::string& path) {
  const Graph graph = read_onnx(path);
  const std::string bytes = serialize_onnx(graph);
  const Graph again = parse(bytes);
  EXPECT_EQ(difference(graph, again), "") << path;
  EXPECT_EQ(serialize_onnx(again), bytes) << path;
}

TEST(OnnxRoundTrip, RealModels) {
  const auto folder = samples::shared_folder() / "models" / "onnx";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no models at " << folder;
  for (const char* name :
       {"mnist", "yunet_n_320", "ultraface_rfb_320", "fastestdet", "proxyless_landmark", "dtln_1",
        "dtln_2", "silero_vad_16k_op15", "silero_vad_op18_ifless"}) {
    expect_round_trip((folder / (std::string(name) + ".onnx")).string());
  }
}

}  // namespace
}  // namespace betimes::import
