#include "betimes/learn/functional.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include "betimes/base/error.h"

namespace betimes::learn {

namespace jit = torch::jit;

struct Functional::Recorded {
  jit::Code code;
};

Functional::Functional(torch::nn::Module& module, const Forward& forward,
                       const std::vector<at::Tensor>& examples) {
  jit::Stack inputs;
  for (const auto& item : module.named_parameters()) {
    names_.push_back(item.key());
    inputs.emplace_back(item.value());
  }
  inputs.insert(inputs.end(), examples.begin(), examples.end());
  const size_t parameters = names_.size();
  // The tracer knows a value by its tensor: the module's own parameters, being inputs of the trace,
  // stay inputs wherever the module reads them.
  const auto run = [&](const jit::Stack& given) -> jit::Stack {
    std::vector<at::Tensor> tensors;
    for (size_t i = parameters; i < given.size(); ++i) tensors.push_back(given[i].toTensor());
    jit::Stack outputs;
    for (const at::Tensor& output : forward(tensors)) outputs.emplace_back(output);
    return outputs;
  };
  const auto no_names = [](const at::Tensor&) { return std::string(); };
  const auto traced = jit::tracer::trace(std::move(inputs), run, no_names, /*strict=*/true,
                                         /*force_outplace=*/true);
  std::shared_ptr<jit::Graph> graph = traced.first->graph;
  jit::Inline(*graph);
  jit::EliminateDeadCode(graph);
  recorded_ = std::make_unique<Recorded>(Recorded{jit::Code(graph, "functional")});
}

Functional::~Functional() = default;
Functional::Functional(Functional&&) noexcept = default;

std::vector<at::Tensor> Functional::operator()(const std::vector<at::Tensor>& parameters,
                                               const std::vector<at::Tensor>& inputs) const {
  if (parameters.size() != names_.size()) {
    throw Error("functional", "was given " + std::to_string(parameters.size()) + " parameters",
                std::to_string(names_.size()));
  }
  jit::Stack stack(parameters.begin(), parameters.end());
  stack.insert(stack.end(), inputs.begin(), inputs.end());
  jit::InterpreterState(recorded_->code).run(stack);
  std::vector<at::Tensor> outputs;
  for (const auto& value : stack) {
    if (value.isTuple()) {
      for (const auto& element : value.toTupleRef().elements()) {
        outputs.push_back(element.toTensor());
      }
    } else {
      outputs.push_back(value.toTensor());
    }
  }
  return outputs;
}

}  // namespace betimes::learn
