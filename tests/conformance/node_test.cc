// ONNX's node tests: one model of one node each, with inputs and expected outputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/graphs.h"

namespace betimes {
namespace {

namespace fs = std::filesystem;
using Values = std::map<std::string, Tensor>;

const fs::path data = "/usr/share/libonnx-testdata/data/node";

/// The files keep bfloat16 as uint16.
Tensor as_declared(const Tensor& stored, DType declared) {
  if (declared != DType::bf16 || stored.dtype() != DType::u16) return stored;
  Tensor tensor(DType::bf16, stored.shape());
  std::memcpy(tensor.mutable_raw(), stored.raw(), stored.bytes());
  return tensor;
}

std::vector<Tensor> read_all(const fs::path& folder, const std::string& stem) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path path = folder / (stem + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return tensors;
    tensors.push_back(import::read_onnx_tensor(path.string()));
  }
}

/// Shapes, axes and the like are inputs in these models and known ahead in real ones: inputs from
/// the `variable`th on become constants.
Values run(graph::Graph graph, const std::vector<Tensor>& inputs, size_t variable) {
  if (inputs.size() != graph.inputs.size()) throw Error("inputs", "have another number");
  Values given;
  std::vector<graph::ValueInfo> kept;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = graph.inputs[i].name;
    const Tensor input = as_declared(inputs[i], graph.inputs[i].dtype);
    if (i < variable) {
      given[name] = input;
      kept.push_back(graph.inputs[i]);
    } else {
      graph.constants[name] = input;
    }
  }
  graph.inputs = kept;
  return graph::evaluate(graph, given);
}

/// Tries with all inputs variable, then with the first only, then with none.
Values run(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
  for (const size_t variable : {inputs.size(), size_t{1}}) {
    try {
      return run(graph, inputs, variable);
    } catch (const Error&) {
    }
  }
  return run(graph, inputs, 0);
}

std::string difference(const Tensor& expected, const Tensor& found) {
  if (expected.type() != found.type()) {
    return to_string(found.type()) + " instead of " + to_string(expected.type());
  }
  const Tensor wide_a = expected.cast(DType::f64);
  const Tensor wide_b = found.cast(DType::f64);
  const auto a = wide_a.data<double>();
  const auto b = wide_b.data<double>();
  // The tolerance of ONNX's own test runner, and a unit in the last place of 16-bit floats.
  const double tolerance =
      expected.dtype() == DType::f16 || expected.dtype() == DType::bf16 ? 1e-2 : 1e-3;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
    if (!same && !(std::fabs(a[i] - b[i]) <= 1e-7 + tolerance * std::fabs(a[i]))) {
      return "element " + std::to_string(i) + " is " + std::to_string(b[i]) + " instead of " +
             std::to_string(a[i]);
    }
  }
  return {};
}

/// These take the extent that align_corners resizes to as 4 * 0.6 = 2.4. The specification speaks
/// of the resized length, which is 2; so do ONNX Runtime and PyTorch.
const std::set<std::string> disputed = {"test_resize_downsample_scales_cubic_align_corners",
                                        "test_resize_downsample_scales_linear_align_corners"};

/// Their expected outputs are numbers that someone else drew.
bool is_random(const fs::path& folder) {
  return folder.filename().string().starts_with("test_bernoulli");
}

enum class Verdict { passed, failed, refused };

Verdict run_case(const fs::path& folder, std::string& why) {
  graph::Graph graph;
  Values found;
  std::vector<Tensor> expected;
  try {
    graph = import::read_onnx((folder / "model.onnx").string());
    expected = read_all(folder / "test_data_set_0", "output");
    found = run(graph, read_all(folder / "test_data_set_0", "input"));
  } catch (const Error& error) {
    why = error.what();
    return Verdict::refused;
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const Tensor& result = found.at(graph.outputs.at(i).name);
    why = difference(as_declared(expected[i], result.dtype()), result);
    if (!why.empty()) return Verdict::failed;
  }
  return Verdict::passed;
}

TEST(OnnxNodeTests, WhatIsNotRefusedIsRight) {
  if (!fs::exists(data)) GTEST_SKIP() << "needs Debian's package libonnx-testdata";
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(data)) {
    const fs::path& path = entry.path();
    if (!disputed.contains(path.filename()) && !is_random(path)) folders.push_back(path);
  }
  std::sort(folders.begin(), folders.end());
  std::map<Verdict, int> counts;
  for (const fs::path& folder : folders) {
    std::string why;
    const Verdict verdict = run_case(folder, why);
    ++counts[verdict];
    EXPECT_NE(verdict, Verdict::failed) << folder.filename() << ": " << why;
    if (verdict == Verdict::refused && std::getenv("BETIMES_SHOW_REFUSED")) {
      std::printf("refused %s: %s\n", folder.filename().c_str(), why.c_str());
    }
  }
  std::printf("%d passed, %d refused\n", counts[Verdict::passed], counts[Verdict::refused]);
  EXPECT_GE(counts[Verdict::passed], 800);  // of libonnx-testdata 1.12
}

/// Whole networks, converted layers and single nodes alike.
TEST(OnnxModels, WhatIsReadSurvivesBeingWritten) {
  const auto models = import::samples::models_below(data.parent_path().string());
  if (models.empty()) GTEST_SKIP() << "needs Debian's package libonnx-testdata";
  int read = 0;
  for (const fs::path& path : models) {
    graph::Graph graph;
    try {
      graph = import::read_onnx(path.string());
    } catch (const Error&) {
      continue;  // refused
    }
    const std::string bytes = import::serialize_onnx(graph);
    const graph::Graph again = import::parse_onnx(std::as_bytes(std::span(bytes)), "written");
    EXPECT_EQ(import::samples::difference(graph, again), "") << path;
    ++read;
  }
  EXPECT_GT(read, 500);
}

}  // namespace
}  // namespace betimes
