// ONNX's own conformance set (Debian: libonnx-testdata): models of one operator or a small network
// with inputs and the outputs they must give. What we support must agree; what we don't must be
// refused by name; both must survive being written and read again.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"
#include "engine/import/testing/graphs.h"

namespace betimes::import {
namespace {

namespace fs = std::filesystem;
using graph::Graph;

constexpr const char* test_data = "/usr/share/libonnx-testdata/data";

std::string file(const fs::path& folder, const char* kind, size_t index) {
  return (folder / (std::string(kind) + "_" + std::to_string(index) + ".pb")).string();
}

/// "" or where the tensors differ by more than ONNX's own tolerance (1e-3 relative, 1e-7).
std::string mismatch(const Tensor& found, const Tensor& expected) {
  if (found.type() != expected.type()) {
    return to_string(found.type()) + " instead of " + to_string(expected.type());
  }
  const Tensor a = found.cast(DType::f64);
  const Tensor b = expected.cast(DType::f64);
  const auto x = a.data<double>();
  const auto y = b.data<double>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    if (std::fabs(x[i] - y[i]) <= 1e-6 + 1e-3 * std::fabs(y[i])) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(x[i]) + " instead of " +
           std::to_string(y[i]);
  }
  return {};
}

/// The set gives shapes, axes and the like as inputs of the model; we want them known ahead.
void bind_parameters(Graph& graph, std::map<std::string, Tensor>& inputs) {
  std::erase_if(graph.inputs, [&](const graph::ValueInfo& input) {
    const Tensor& value = inputs.at(input.name);
    if (!is_integer(value.dtype()) || value.shape().size() > 1) return false;
    graph.constants[input.name] = value;
    inputs.erase(input.name);
    return true;
  });
}

/// "" when every output agrees with the folder's.
std::string run_case(Graph graph, const fs::path& folder) {
  std::map<std::string, Tensor> inputs;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    inputs[graph.inputs[i].name] = read_onnx_tensor(file(folder, "input", i));
  }
  bind_parameters(graph, inputs);
  const auto outputs = graph::evaluate(graph, inputs);
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    const Tensor expected = read_onnx_tensor(file(folder, "output", i));
    if (const std::string m = mismatch(outputs.at(name), expected); !m.empty()) {
      return name + ": " + m;
    }
  }
  return {};
}

/// Cases that don't say what a prediction engine must give.
bool out_of_scope(const std::string& name) {
  // Dropout and BatchNormalization that train; outputs in bfloat16 that are stored as uint16.
  return name.find("training") != std::string::npos || name.find("BFLOAT16") != std::string::npos;
}

TEST(OnnxConformance, SupportedModelsAgreeAndOthersAreRefusedByName) {
  const auto models = samples::models_below(test_data);
  if (models.empty()) GTEST_SKIP() << "libonnx-testdata isn't installed";
  int agreed = 0;
  int refused = 0;
  for (const fs::path& path : models) {
    const std::string name = path.parent_path().filename().string();
    const fs::path folder = path.parent_path() / "test_data_set_0";
    try {
      const Graph graph = read_onnx(path.string());
      const std::string bytes = serialize_onnx(graph);
      const Graph again = parse_onnx(std::as_bytes(std::span(bytes)), "written");
      EXPECT_EQ(samples::difference(graph, again), "") << path;
      if (out_of_scope(name) || !fs::exists(folder / "output_0.pb")) continue;
      EXPECT_EQ(run_case(graph, folder), "") << path;
      ++agreed;
    } catch (const Error& error) {
      const std::string message = error.what();
      ++refused;
      if (std::getenv("BETIMES_VERBOSE")) std::puts(message.c_str());
    }
  }
  std::printf("%d models agree, %d are refused\n", agreed, refused);
  EXPECT_GT(agreed, 500);
}

}  // namespace
}  // namespace betimes::import
