#include <gtest/gtest.h>

#include "betimes/import/onnx.h"
#include "betimes/runtime/detail/testing.h"

// Transformers in the operators of domain com.microsoft, as files have them: written out by the
// importer, and planned.

namespace betimes::runtime {
namespace {

using Names = std::vector<std::string>;
using Attributes = std::map<std::string, graph::Attribute>;

constexpr int64_t batch = 2;
constexpr int64_t length = 5;
constexpr int64_t hidden = 24;
constexpr int64_t heads = 4;

/// What ONNX Runtime's optimizer makes of a small BERT: embedding, and two layers.
class Encoder {
 public:
  explicit Encoder(bool masked) {
    input("ids", DType::i64, {batch, length});
    if (masked) input("mask", DType::i32, {batch, length});
    node("EmbedLayerNormalization",
         {"ids", "", weight({7, hidden}), weight({length + 2, hidden}), "", weight({hidden}),
          weight({hidden}), masked ? "mask" : ""},
         {"x", "lengths"}, {{"epsilon", 1e-5f}});
    for (int i = 0; i < 2; ++i) layer(masked ? "lengths" : "");
    graph_.outputs.push_back({x_, DType::f32, {}});
  }

  /// Through a file, which is where such operators may stand.
  graph::Graph read() const {
    const std::string file = import::serialize_onnx(graph_);
    return import::parse_onnx(std::as_bytes(std::span(file)), "memory");
  }

 private:
  void input(const std::string& name, DType type, const Shape& shape) {
    std::vector<graph::Dim> dims;
    for (const int64_t extent : shape) dims.push_back({extent, {}});
    graph_.inputs.push_back({name, type, dims});
  }
  std::string weight(const Shape& shape) {
    const std::string name = std::string("w") + std::to_string(graph_.constants.size());
    const auto seed = static_cast<uint32_t>(graph_.constants.size());
    graph_.constants[name] = testing::random_tensor(shape, seed, -0.5f, 0.5f);
    return name;
  }
  void node(const std::string& op, Names inputs, const Names& outputs, Attributes attributes = {},
            const std::string& domain = "com.microsoft") {
    const std::string name = std::string("node") + std::to_string(graph_.nodes.size());
    graph_.nodes.push_back({name, op, domain, std::move(inputs), outputs, std::move(attributes)});
  }
  std::string next(const char* what) {
    return std::string(what) + std::to_string(graph_.nodes.size());
  }
  void normalize(const std::string& y) {
    const std::string sum = next("sum");
    node("SkipLayerNormalization", {x_, y, weight({hidden}), weight({hidden}), weight({hidden})},
         {sum}, {{"epsilon", 1e-5f}});
    x_ = sum;
  }
  void layer(const std::string& lengths) {
    const std::string attended = next("attended");
    node("Attention", {x_, weight({hidden, 3 * hidden}), weight({3 * hidden}), lengths}, {attended},
         {{"num_heads", heads}});
    const std::string projected = next("projected");
    node("MatMul", {attended, weight({hidden, hidden})}, {projected}, {}, "");
    normalize(projected);
    const std::string wide = next("wide");
    node("FusedMatMul", {x_, weight({4 * hidden, hidden})}, {wide}, {{"transB", int64_t{1}}});
    const std::string active = next("active");
    node("BiasGelu", {wide, weight({4 * hidden})}, {active});
    const std::string narrow = next("narrow");
    node("MatMul", {active, weight({4 * hidden, hidden})}, {narrow}, {}, "");
    normalize(narrow);
  }

  graph::Graph graph_;
  std::string x_ = "x";
};

std::map<std::string, Tensor> tokens(bool masked) {
  std::map<std::string, Tensor> inputs;
  inputs["ids"] =
      Tensor::from<int64_t>({batch, length}, std::vector<int64_t>{1, 2, 3, 4, 5, 6, 5, 4, 0, 0});
  if (masked) {
    inputs["mask"] =
        Tensor::from<int32_t>({batch, length}, std::vector<int32_t>{1, 1, 1, 1, 1, 1, 1, 1, 0, 0});
  }
  return inputs;
}

TEST(Transformer, RunsAsItsEvaluatorsSay) {
  for (const bool masked : {false, true}) {
    const graph::Graph graph = Encoder(masked).read();
    const auto inputs = tokens(masked);
    const auto expected = graph::evaluate(graph, inputs);
    Session session(compile(graph));
    for (const auto& [name, tensor] : session.run(inputs)) {
      EXPECT_LE(testing::relative_error(tensor, expected.at(name)), 1e-4) << name;
    }
  }
}

/// What stands behind a sequence's end doesn't change what comes before.
TEST(Transformer, PaddingIsNotSeen) {
  const graph::Graph graph = Encoder(true).read();
  Session session(compile(graph));
  auto inputs = tokens(true);
  const Tensor before = session.run(inputs).begin()->second;
  auto ids = inputs.at("ids").mutable_data<int64_t>();
  ids[8] = 3;
  ids[9] = 6;
  const Tensor after = session.run(inputs).begin()->second;
  const auto a = before.data<float>();
  const auto b = after.data<float>();
  for (size_t i = 0; i < static_cast<size_t>((length + 3) * hidden); ++i) {
    EXPECT_NEAR(a[i], b[i], 1e-5);
  }
}

}  // namespace
}  // namespace betimes::runtime
