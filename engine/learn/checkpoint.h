#pragma once

#include <torch/nn.h>

#include <map>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::learn {

/// Parameters and buffers of a module by their names ("layer.weight").
std::map<std::string, Tensor> module_tensors(const torch::nn::Module& module);

/// Copies tensors of these names into the module. Throws Error naming the first that is missing,
/// unknown, or of another shape or type; the module is unchanged then.
void load_module(torch::nn::Module& module, const std::map<std::string, Tensor>& tensors);

/// Weights as a safetensors file, and back.
void save_weights(const std::string& path, const torch::nn::Module& module,
                  const std::map<std::string, std::string>& metadata = {});
void load_weights(const std::string& path, torch::nn::Module& module);

/// Those of `tensors` whose name begins with `prefix`, without it; and the other way round.
std::map<std::string, Tensor> below(const std::string& prefix,
                                    const std::map<std::string, Tensor>& tensors);
void put_below(const std::string& prefix, const std::map<std::string, Tensor>& tensors,
               std::map<std::string, Tensor>& all);

}  // namespace betimes::learn
