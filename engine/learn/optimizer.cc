#include "betimes/learn/optimizer.h"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "betimes/base/error.h"
#include "betimes/learn/trace.h"

namespace betimes::learn {
namespace {

using Kind = OptimizerOptions::Kind;
using Options = torch::optim::OptimizerOptions;
using States = std::map<std::string, betimes::Tensor>;

template <class AdamLike>
std::unique_ptr<Options> adam_options(const OptimizerOptions& o, double rate, double decay) {
  AdamLike options(rate);
  options.betas(std::make_tuple(o.beta1, o.beta2)).weight_decay(decay).amsgrad(o.amsgrad);
  return std::make_unique<AdamLike>(options);
}

std::unique_ptr<Options> make_options(const OptimizerOptions& o, double rate, double decay) {
  switch (o.kind) {
    case Kind::adam:
      return adam_options<torch::optim::AdamOptions>(o, rate, decay);
    case Kind::adamw:
      return adam_options<torch::optim::AdamWOptions>(o, rate, decay);
    case Kind::sgd:
      break;
  }
  torch::optim::SGDOptions options(rate);
  options.momentum(o.momentum).nesterov(o.momentum > 0).weight_decay(decay);
  return std::make_unique<torch::optim::SGDOptions>(options);
}

using Groups = std::vector<torch::optim::OptimizerParamGroup>;

std::unique_ptr<torch::optim::Optimizer> make(Kind kind, Groups groups) {
  switch (kind) {
    case Kind::adam:
      return std::make_unique<torch::optim::Adam>(std::move(groups));
    case Kind::adamw:
      return std::make_unique<torch::optim::AdamW>(std::move(groups));
    case Kind::sgd:
      break;
  }
  return std::make_unique<torch::optim::SGD>(std::move(groups), torch::optim::SGDOptions(0.1));
}

std::vector<ParameterGroup> usual_groups(const torch::nn::Module& module) {
  ParameterGroup matrices, vectors;
  for (const at::Tensor& parameter : module.parameters()) {
    (parameter.dim() > 1 ? matrices : vectors).parameters.push_back(parameter);
  }
  vectors.decay = false;
  return {matrices, vectors};
}

template <class State>
void save_adam(const State& state, const std::string& name, States& all) {
  all[name + "/step"] = betimes::Tensor::scalar(state.step());
  all[name + "/mean"] = from_torch(state.exp_avg());
  all[name + "/square"] = from_torch(state.exp_avg_sq());
  if (state.max_exp_avg_sq().defined()) {
    all[name + "/largest"] = from_torch(state.max_exp_avg_sq());
  }
}

/// A saved tensor, as a copy of its own like `parameter`.
at::Tensor taken(const States& all, const std::string& name, const at::Tensor& parameter) {
  const auto at = all.find(name);
  if (at == all.end()) throw Error("optimizer state", "lacks " + name);
  at::Tensor tensor = to_torch(at->second);
  if (tensor.sizes() != parameter.sizes()) {
    throw Error("optimizer state", name + " is of another shape than its parameter");
  }
  return tensor;
}

template <class State>
std::unique_ptr<State> load_adam(const States& all, const std::string& name,
                                 const at::Tensor& parameter) {
  auto state = std::make_unique<State>();
  const auto step = all.find(name + "/step");
  if (step == all.end()) throw Error("optimizer state", "lacks " + name + "/step");
  state->step(step->second.template data<int64_t>()[0]);
  state->exp_avg(taken(all, name + "/mean", parameter));
  state->exp_avg_sq(taken(all, name + "/square", parameter));
  if (all.contains(name + "/largest")) {
    state->max_exp_avg_sq(taken(all, name + "/largest", parameter));
  }
  return state;
}

/// How LibTorch finds a parameter's state.
std::string key(const at::Tensor& parameter) {
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, const OptimizerOptions& options)
    : options_(options) {
  Groups made;
  for (ParameterGroup& group : groups) {
    if (group.parameters.empty()) continue;
    const double decay = group.decay || options.decay_vectors ? options.weight_decay : 0;
    made.emplace_back(group.parameters,
                      make_options(options, options.rate * group.rate_factor, decay));
    factors_.push_back(group.rate_factor);
    parameters_.insert(parameters_.end(), group.parameters.begin(), group.parameters.end());
  }
  if (parameters_.empty()) throw Error("optimizer", "has no parameters");
  optimizer_ = make(options.kind, std::move(made));
}

Optimizer::Optimizer(const torch::nn::Module& module, const OptimizerOptions& options)
    : Optimizer(usual_groups(module), options) {}

void Optimizer::set_factor(double factor) {
  for (size_t i = 0; i < factors_.size(); ++i) {
    optimizer_->param_groups()[i].options().set_lr(options_.rate * factors_[i] * factor);
  }
}

double Optimizer::clip(double norm) { return torch::nn::utils::clip_grad_norm_(parameters_, norm); }

std::map<std::string, Tensor> Optimizer::state() const {
  States all;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto at = optimizer_->state().find(key(parameters_[i]));
    if (at == optimizer_->state().end()) continue;  // no step has touched it
    const std::string name = std::to_string(i);
    switch (options_.kind) {
      case Kind::adam:
        save_adam(static_cast<const torch::optim::AdamParamState&>(*at->second), name, all);
        break;
      case Kind::adamw:
        save_adam(static_cast<const torch::optim::AdamWParamState&>(*at->second), name, all);
        break;
      case Kind::sgd:
        all[name + "/momentum"] = from_torch(
            static_cast<const torch::optim::SGDParamState&>(*at->second).momentum_buffer());
        break;
    }
  }
  return all;
}

void Optimizer::load_state(const std::map<std::string, Tensor>& state) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i];
    const std::string name = std::to_string(i);
    const bool saved = options_.kind == Kind::sgd ? state.contains(name + "/momentum")
                                                  : state.contains(name + "/step");
    if (!saved) continue;
    std::unique_ptr<torch::optim::OptimizerParamState> made;
    switch (options_.kind) {
      case Kind::adam:
        made = load_adam<torch::optim::AdamParamState>(state, name, parameter);
        break;
      case Kind::adamw:
        made = load_adam<torch::optim::AdamWParamState>(state, name, parameter);
        break;
      case Kind::sgd: {
        auto momentum = std::make_unique<torch::optim::SGDParamState>();
        momentum->momentum_buffer(taken(state, name + "/momentum", parameter));
        made = std::move(momentum);
        break;
      }
    }
    optimizer_->state()[key(parameter)] = std::move(made);
  }
}

}  // namespace betimes::learn
