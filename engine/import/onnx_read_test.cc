#include <gtest/gtest.h>

#include <string>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/wire.h"

namespace betimes::import {
namespace {

using samples::Wire;
using samples::wire_model;
using samples::wire_node;
using samples::wire_tensor;
using samples::wire_value;

graph::Graph parse(const std::string& bytes) {
  return parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx");
}

/// The message of the Error that reading gives, or "" when it succeeds.
std::string refusal(const std::string& bytes) {
  try {
    parse(bytes);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

/// A graph whose output is the constant `tensor`.
Wire constant_graph(const Wire& tensor) {
  return Wire().message(5, tensor).message(12, wire_value("y", {2}));
}

TEST(OnnxRead, NamesTheFileThatIsEmptyOrGarbage) {
  EXPECT_EQ(refusal(""), "m.onnx: is empty (expected an ONNX model)");
  EXPECT_EQ(refusal("not a model"), "m.onnx: is truncated or isn't an ONNX model");
}

TEST(OnnxRead, RefusesOpsetsOutsideTheRange) {
  const Wire graph = constant_graph(wire_tensor("y", 1, {2}, std::string(8, '\0')));
  EXPECT_EQ(refusal(wire_model(graph, 6)), "m.onnx: opset 6: isn't supported (expected 7 to 21)");
  EXPECT_EQ(refusal(wire_model(graph, 22)), "m.onnx: opset 22: isn't supported (expected 7 to 21)");
  EXPECT_EQ(refusal(wire_model(graph, 7)), "");
  EXPECT_EQ(refusal(wire_model(graph, 21)), "");
}

TEST(OnnxRead, RefusesAnUnknownOperatorByNameAndNode) {
  Wire graph;
  graph.message(1, wire_node({"Frobnicate", {"x"}, {"y"}, {}, "thing", ""}))
      .message(11, wire_value("x", {2}))
      .message(12, wire_value("y", {2}));
  const std::string message = refusal(wire_model(graph));
  EXPECT_NE(message.find("m.onnx: node thing: operator Frobnicate isn't supported"),
            std::string::npos)
      << message;
}

TEST(OnnxRead, ChecksExtentsAgainstDataBeforeAllocating) {
  const std::string eight(8, '\0');
  const auto refused = [&](const std::vector<int64_t>& dims) {
    return refusal(wire_model(constant_graph(wire_tensor("y", 1, dims, eight))));
  };
  EXPECT_EQ(refused({2}), "");
  EXPECT_NE(refused({3}).find("initializer y: has 8 bytes of data"), std::string::npos);
  EXPECT_NE(refused({int64_t{1} << 40}).find("has 8 bytes of data"), std::string::npos);
  EXPECT_NE(refused({int64_t{1} << 62, 16}).find("too many elements"), std::string::npos);
  EXPECT_NE(refused({-2}).find("negative extent"), std::string::npos);
  EXPECT_NE(refused(std::vector<int64_t>(40, 1)).find("40 dimensions"), std::string::npos);
}

}  // namespace
}  // namespace betimes::import
