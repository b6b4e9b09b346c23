// Whole modules against eager LibTorch: traced, and read back as TorchScript files.
#include "betimes/learn/testing/modules.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "betimes/graph/specialize.h"
#include "betimes/learn/testing/close.h"
#include "betimes/learn/torchscript.h"

namespace betimes::learn {
namespace {

using testing::ModuleCase;

const std::vector<ModuleCase>& all() {
  static const std::vector<ModuleCase> cases = testing::module_cases(11);
  return cases;
}

class Modules : public ::testing::TestWithParam<size_t> {
 protected:
  const ModuleCase& module() const { return all().at(GetParam()); }
};

/// Traced with a batch of 2, compared with a batch of 3.
TEST_P(Modules, GiveWhatLibTorchGives) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_gradient;
  const graph::Graph graph = trace(*module().module, module().forward, module().inputs(2),
                                   {.batch_axes = module().batch_axes});
  const std::vector<at::Tensor> inputs = module().inputs(3);
  testing::expect_graph_gives(graph, inputs, module().forward(inputs));
}

TEST_P(Modules, GiveTheSameWithOneExample) {
  torch::manual_seed(6);
  const torch::NoGradGuard no_gradient;
  const std::vector<at::Tensor> inputs = module().inputs(1);
  const graph::Graph graph = trace(*module().module, module().forward, inputs, {.batch = ""});
  testing::expect_graph_gives(graph, inputs, module().forward(inputs));
}

TEST_P(Modules, GiveTheSameAsTorchScript) {
  if (module().script.empty()) GTEST_SKIP() << "has no script";
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("betimes_modules_" + std::to_string(::getpid()) + ".pt"))
                               .string();
  torch::manual_seed(7);
  const torch::NoGradGuard no_gradient;
  testing::save_script(module(), path);
  const graph::Graph graph =
      read_torchscript(path, module().inputs(2), {.batch_axes = module().batch_axes});
  std::filesystem::remove(path);
  const std::vector<at::Tensor> inputs = module().inputs(3);
  testing::expect_graph_gives(graph, inputs, module().forward(inputs));
}

std::string identifier(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return text;
}

INSTANTIATE_TEST_SUITE_P(All, Modules, ::testing::Range(size_t{0}, all().size()),
                         [](const auto& instance) {
                           return identifier(all()[instance.param].name);
                         });

}  // namespace
}  // namespace betimes::learn
