#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/onnx.h"
#include "tests/cli/process.h"

namespace betimes {
namespace {

namespace fs = std::filesystem;

/// A folder with TorchScript files: model.pt (x [N, 6] to [N, 3] and its largest), lookup.pt
/// (items [N, k] below 10 and scale [1] to [N, k, 4]), branch.pt (branches on a value),
/// unknown.pt (an operation without a lowering), weights.pt (no forward), and garbage.pt.
class Import : public testing::Test {
 protected:
  Import() {
    torch::manual_seed(1);
    save("model.pt", {{"w", at::randn({3, 6})}}, R"(
def forward(self, x):
    y = torch.softmax(torch.linear(x, self.w), 1)
    return y, torch.amax(y, [1])
)");
    save("lookup.pt", {{"w", at::randn({10, 4})}}, R"(
def forward(self, items, scale):
    return torch.embedding(self.w, items) * scale
)");
    save("branch.pt", {}, R"(
def forward(self, x):
    if bool(x.sum() > 0):
        x = x * 2.0
    return x
)");
    save("unknown.pt", {}, R"(
def forward(self, x):
    return torch.cumprod(x, 1)
)");
    save("weights.pt", {{"w", at::randn({3, 6})}}, "");
    write_file(at("garbage.pt"), "this is no model");
  }
  void save(const std::string& name, const std::map<std::string, at::Tensor>& parameters,
            const std::string& source) const {
    torch::jit::Module module("m");
    for (const auto& [key, value] : parameters) module.register_parameter(key, value, false);
    if (!source.empty()) module.define(source);
    module.save(at(name));
  }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  test::Outcome run(const std::string& line) const {
    std::vector<std::string> words = test::split_command(line);
    words.insert(words.begin(), BETIMES_PROGRAM);
    return test::run_process(words, folder_);
  }
  void expect_refused(const std::string& line, const std::string& pattern) const {
    const test::Outcome outcome = run(line);
    EXPECT_EQ(outcome.exit, 2) << line << "\n" << outcome.err;
    EXPECT_EQ(outcome.out, "") << line;
    EXPECT_TRUE(std::regex_search(outcome.err, std::regex(pattern))) << line << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("betimes-import: ")) << outcome.err;
  }

  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path().string();
};

TEST_F(Import, WritesOnnxWithTheBatchOpen) {
  const test::Outcome outcome =
      run("model.pt --input x:Nx6 --output-name y --output-name best --output model.onnx");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  for (const char* pattern :
       {"input   x: float32\\[N, 6\\]", "output  y: float32\\[N, 3\\]",
        "output  best: float32\\[N\\]", "y: at most [0-9.e-]+ from LibTorch's",
        "compared on 8 random inputs, seed 1", "wrote model.onnx"}) {
    EXPECT_TRUE(std::regex_search(outcome.out, std::regex(pattern))) << pattern << outcome.out;
  }
  const graph::Graph graph = import::read_onnx(at("model.onnx"));
  EXPECT_EQ(to_string(graph.inputs.at(0)), "x: float32[N, 6]");
  EXPECT_EQ(graph.metadata.at("source"), "model.pt");
}

TEST_F(Import, KeepsFixedShapesAndComparesOnly) {
  const test::Outcome outcome = run("model.pt --input 2x6 --seed 9 --runs 3");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("input: float32[2, 6]"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("compared on 3 random inputs, seed 9"), std::string::npos);
  EXPECT_EQ(run("model.pt --input 2x6 --seed 9 --runs 3").out, outcome.out);
}

TEST_F(Import, DrawsIntegersFromTheirRange) {
  const test::Outcome outcome =
      run("lookup.pt --input items:Nx5:int64:0..9 --input 1:float32:2..3 --output l.onnx");
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("items: int64[N, 5]"), std::string::npos) << outcome.out;
  expect_refused("lookup.pt --input items:Nx5:int64:50..60 --input 1", "index out of range");
}

TEST_F(Import, SaysWhereTheToleranceIsMissed) {
  const test::Outcome outcome = run("model.pt --input Nx6 --tolerance 0 --output model.onnx");
  if (outcome.exit == 0) GTEST_SKIP() << "both round alike here";
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_FALSE(fs::exists(at("model.onnx")));
  EXPECT_NE(outcome.err.find("nothing is written"), std::string::npos) << outcome.err;
}

TEST_F(Import, RefusesBadInput) {
  expect_refused("", "has no model");
  expect_refused("model.pt", "model.pt: has no --input");
  expect_refused("nowhere.pt --input 2x6", "nowhere.pt");
  expect_refused("garbage.pt --input 2x6", "garbage.pt: is no intact TorchScript archive");
  expect_refused("weights.pt --input 2x6", "weights.pt: has no method forward");
  expect_refused("branch.pt --input 2x6", "branch.pt.*branches on a computed value");
  expect_refused("unknown.pt --input 2x6", "aten::cumprod\\(\\[2, 6\\]\\).*has no lowering");
  expect_refused("model.pt --input 2x7", "model.pt");
  expect_refused("model.pt --input 2x6 --input 2x6", "at most 2 argument");
  expect_refused("model.pt --input 2x6 --output nowhere/model.onnx", "nowhere/model.onnx");
  for (const char* text :
       {"x", "2x", "x:", "0x6", "-1x6", "NxN", "x:2x6:float32:1..2:3", "2x6:text", "2x6:float32:5",
        "2x6:float32:2..1", "99999999999x99999999999", ""}) {
    expect_refused(std::string("model.pt --input '") + text + "'", "--input");
  }
}

TEST_F(Import, ListsItsOperations) {
  const test::Outcome outcome = run("--operations");
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_NE(outcome.out.find("aten::relu\n"), std::string::npos);
  EXPECT_EQ(run("--help").exit, 0);
}

}  // namespace
}  // namespace betimes
