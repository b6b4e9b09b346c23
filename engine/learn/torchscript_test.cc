#include "betimes/learn/torchscript.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/serialize.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/random.h"
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

/// A file as torch.jit.save leaves it, and copies with something wrong.
class Damage : public TorchScript {
 protected:
  Damage() {
    torch::manual_seed(4);
    torch::jit::Module module("m");
    module.register_parameter("w", at::randn({6, 4}), false);
    module.register_buffer("shift", at::randn({6}));
    module.define(R"(
def forward(self, x):
    return torch.softmax(torch.linear(x, self.w) + self.shift, 1)
)");
    module.save(path_);
    for (const std::byte each : read_file(path_)) intact_ += static_cast<char>(each);
  }

  /// Whether `bytes` are read; anything but an Error ends the test.
  bool accepted(const std::string& bytes) {
    write_file(path_, bytes);
    try {
      const graph::Graph graph = read_torchscript(path_, {example_});
      return graph.outputs.size() == 1;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
      return false;
    }
  }

  std::string intact_;
  Tensor example_ = at::ones({2, 4});
};

TEST_F(Damage, NoneIsRead) { EXPECT_TRUE(accepted(intact_)); }

TEST_F(Damage, TruncatedFilesAreRefused) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const size_t length = random.below(intact_.size());
    EXPECT_FALSE(accepted(intact_.substr(0, length))) << length;
  }
  EXPECT_FALSE(accepted(intact_.substr(0, intact_.size() - 1)));
  EXPECT_FALSE(accepted(intact_ + "x"));
  EXPECT_FALSE(accepted(""));
}

/// A changed byte may lie in padding or in a date, which mean nothing: such a file is read, and
/// computes the same.
TEST_F(Damage, ChangedBytesAreRefusedOrMeanNothing) {
  const std::vector<Tensor> expected = load_torchscript(path_)({example_});
  Random random(2);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = intact_;
    const int changes = 1 + static_cast<int>(random.below(8));
    for (int c = 0; c < changes; ++c) {
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
    }
    if (!accepted(bytes)) {
      ++refused;
      continue;
    }
    EXPECT_TRUE(at::equal(load_torchscript(path_)({example_})[0], expected[0])) << i;
  }
  EXPECT_GT(refused, 100);
}

TEST_F(Damage, RandomBytesAndOtherArchivesAreRefused) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    std::string bytes(random.below(2000), ' ');
    for (char& each : bytes) each = static_cast<char>(random.below(256));
    EXPECT_FALSE(accepted(bytes));
    // A run of random bytes in a good file.
    std::string patched = intact_;
    const size_t at = random.below(patched.size());
    patched.replace(at, std::min(bytes.size(), patched.size() - at), bytes, 0,
                    std::min(bytes.size(), patched.size() - at));
    accepted(patched);
  }
  // An empty archive, which is one as far as ZIP goes.
  EXPECT_FALSE(accepted(std::string("PK\5\6", 4) + std::string(18, '\0')));
}

TEST_F(Damage, ACheckpointOfWeightsIsRefused) {
  torch::save(at::ones({3}), path_);
  EXPECT_THROW(read_torchscript(path_, {example_}), Error);
  EXPECT_THROW(load_torchscript(path_), Error);
}

TEST_F(Damage, InputsThatDontFitAreRefused) {
  EXPECT_THROW(load_torchscript(path_)({at::ones({2, 5})}), Error);
  EXPECT_THROW(load_torchscript(path_)({}), Error);
  EXPECT_THROW(read_torchscript(path_, {at::ones({2, 5})}), Error);
}

}  // namespace
}  // namespace betimes::learn
