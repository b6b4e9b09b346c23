#include "betimes/learn/torchscript.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "betimes/base/error.h"
#include "betimes/runtime/session.h"

namespace betimes::learn {
namespace {

using at::Tensor;

class TorchScript : public ::testing::Test {
 protected:
  ~TorchScript() override { std::filesystem::remove(path_); }

  /// Saves a module with these parameters, reads it back and compares on another input.
  void expect_same(const std::string& source, const std::map<std::string, Tensor>& parameters,
                   const Tensor& example) {
    torch::jit::Module module("m");
    for (const auto& [name, value] : parameters) module.register_parameter(name, value, false);
    module.define(source);
    module.save(path_);
    const graph::Graph graph = read_torchscript(path_, {example});
    runtime::CompileOptions options;
    options.shapes["input"] = example.sizes().vec();
    runtime::Session session(runtime::compile(graph, options));
    const Tensor input = at::randn_like(example);
    const Tensor found = to_torch(session.run({{"input", from_torch(input)}}).at("output"));
    const Tensor expected = module.forward({input}).toTensor();
    EXPECT_TRUE(at::allclose(found, expected, 1e-5, 1e-5));
  }

  std::string path_ = (std::filesystem::temp_directory_path() /
                       ("betimes_torchscript_" + std::to_string(::getpid()) + ".pt"))
                          .string();
};

TEST_F(TorchScript, MlpWithBranchOnSizes) {
  expect_same(R"(
def forward(self, x):
    if x.size(1) == 6:
        x = torch.relu(torch.linear(x, self.w, self.b))
    for i in range(2):
        x = x + 1.0
    return torch.softmax(x, 1)
)",
              {{"w", at::randn({4, 6})}, {"b", at::randn({4})}}, at::randn({2, 6}));
}

TEST_F(TorchScript, UNet) {
  expect_same(R"(
def forward(self, x):
    a = torch.relu(torch.conv2d(x, self.w, None, [1, 1], [1, 1]))
    b = torch.relu(torch.conv2d(a, self.down, None, [2, 2], [1, 1]))
    c = torch.conv_transpose2d(b, self.up, None, [2, 2])
    return torch.cat([a, c], 1)
)",
              {{"w", at::randn({4, 3, 3, 3})},
               {"down", at::randn({5, 4, 3, 3}) * 0.2},
               {"up", at::randn({5, 4, 2, 2}) * 0.2}},
              at::randn({2, 3, 8, 8}));
}

TEST_F(TorchScript, Attention) {
  expect_same(
      R"(
def forward(self, x):
    q = torch.matmul(x, self.q)
    k = torch.matmul(x, self.k)
    a = torch.softmax(torch.matmul(q, k.transpose(1, 2)) * 0.3, -1)
    return torch.layer_norm(x + torch.matmul(a, x), [8], self.g, self.g)
)",
      {{"q", at::randn({8, 8}) * 0.3}, {"k", at::randn({8, 8}) * 0.3}, {"g", at::randn({8})}},
      at::randn({2, 5, 8}));
}

TEST_F(TorchScript, RefusesBranchOnComputedValue) {
  torch::jit::Module module("m");
  module.define(R"(
def forward(self, x):
    if bool(x.sum() > 0):
        x = x * 2.0
    return x
)");
  module.save(path_);
  EXPECT_THROW(read_torchscript(path_, {at::randn({2, 3})}), Error);
}

TEST_F(TorchScript, RefusesOtherFiles) {
  EXPECT_THROW(read_torchscript(path_, {at::randn({2, 3})}), Error);
  std::ofstream(path_) << "not a model";
  EXPECT_THROW(read_torchscript(path_, {at::randn({2, 3})}), Error);
}

}  // namespace
}  // namespace betimes::learn
