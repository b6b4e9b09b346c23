// Makes a model, writes it as ONNX, reads it back and runs it: relu(x W + b).
#include <cstdio>
#include <filesystem>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/import/onnx.h"
#include "betimes/runtime/plan.h"
#include "betimes/runtime/session.h"

using betimes::Tensor;
namespace graph = betimes::graph;

namespace {

graph::Graph layer() {
  graph::Graph model;
  model.name = "layer";
  model.inputs = {{"x", betimes::DType::f32, {{{1, ""}, {2, ""}}}}};
  model.outputs = {{"y", betimes::DType::f32, {{{1, ""}, {3, ""}}}}};
  model.constants["w"] = Tensor::from<float>({2, 3}, std::vector<float>{1, -2, 3, 4, 5, -6});
  model.constants["b"] = Tensor::from<float>({3}, std::vector<float>{0.5F, 0, 1});
  model.nodes = {{"fc", "Gemm", "", {"x", "w", "b"}, {"sum"}, {}},
                 {"act", "Relu", "", {"sum"}, {"y"}, {}}};
  return model;
}

}  // namespace

int main() {
  const std::string path = (std::filesystem::temp_directory_path() / "consumer.onnx").string();
  betimes::import::write_onnx(layer(), path);
  betimes::runtime::Session session(betimes::runtime::compile(betimes::import::read_onnx(path)));
  std::filesystem::remove(path);
  const auto outputs = session.run({{"x", Tensor::from<float>({1, 2}, std::vector<float>{2, -1})}});
  const auto y = outputs.at("y").data<float>();
  std::printf("%g %g %g\n", y[0], y[1], y[2]);
  return y[0] == 0 && y[1] == 0 && y[2] == 13 ? 0 : 1;
}
