#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "betimes/learn/trace.h"

namespace betimes::learn::testing {

/// A small module of a kind that people serve, for the tests and for bench_libtorch.
struct ModuleCase {
  std::string name;
  std::shared_ptr<torch::nn::Module> module;
  Forward forward;
  /// Inputs for a batch of this size, drawn from LibTorch's generator.
  std::function<std::vector<at::Tensor>(int64_t batch)> inputs;
  std::vector<int64_t> batch_axes;  // as in TraceOptions
  /// The same as a method `forward` in TorchScript, whose parameters and buffers have the module's
  /// names with '_' for '.'; empty: none.
  std::string script;
};

/// All of them in evaluation mode, with weights and running statistics drawn from `seed`.
std::vector<ModuleCase> module_cases(uint64_t seed);

/// Writes the case's script with the module's weights as a TorchScript file.
void save_script(const ModuleCase& each, const std::string& path);

}  // namespace betimes::learn::testing
