#include "betimes/learn/checkpoint.h"

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "betimes/learn/trace.h"

namespace betimes::learn {
namespace {

/// Handles to a module's parameters and buffers.
std::map<std::string, at::Tensor> handles(const torch::nn::Module& module) {
  std::map<std::string, at::Tensor> all;
  for (const auto& item : module.named_parameters()) all[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) all[item.key()] = item.value();
  return all;
}

}  // namespace

std::map<std::string, Tensor> module_tensors(const torch::nn::Module& module) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] : handles(module)) tensors[name] = from_torch(tensor.detach());
  return tensors;
}

void load_module(torch::nn::Module& module, const std::map<std::string, Tensor>& tensors) {
  const auto wanted = handles(module);
  for (const auto& [name, tensor] : tensors) {
    if (!wanted.contains(name)) throw Error("weights", "have " + name + ", which the module lacks");
  }
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& [name, target] : wanted) {
    const auto at = tensors.find(name);
    if (at == tensors.end()) throw Error("weights", "lack " + name);
    const at::Tensor source = to_torch(at->second);
    if (source.sizes() != target.sizes() || source.scalar_type() != target.scalar_type()) {
      throw Error("weights", name + " is " + to_string(at->second.type()),
                  to_string(from_torch(target.detach()).type()));
    }
    copies.emplace_back(target, source);
  }
  const torch::NoGradGuard no_gradient;
  for (auto& [target, source] : copies) target.copy_(source);
}

void save_weights(const std::string& path, const torch::nn::Module& module,
                  const std::map<std::string, std::string>& metadata) {
  import::write_safetensors(path, module_tensors(module), metadata);
}

void load_weights(const std::string& path, torch::nn::Module& module) {
  try {
    load_module(module, import::read_safetensors(path));
  } catch (const Error& problem) {
    if (problem.where() != "weights") throw;
    throw Error(path, problem.what());
  }
}

std::map<std::string, Tensor> below(const std::string& prefix,
                                    const std::map<std::string, Tensor>& tensors) {
  std::map<std::string, Tensor> found;
  for (auto at = tensors.lower_bound(prefix);
       at != tensors.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
    found[at->first.substr(prefix.size())] = at->second;
  }
  return found;
}

void put_below(const std::string& prefix, const std::map<std::string, Tensor>& tensors,
               std::map<std::string, Tensor>& all) {
  for (const auto& [name, tensor] : tensors) all[prefix + name] = tensor;
}

}  // namespace betimes::learn
