#pragma once

#include <torch/nn.h>

#include <functional>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::learn {

struct TraceOptions {
  std::string name = "model";
  /// Symbol of the batch size, which stays open: `forward` is traced on the examples and on one
  /// example more, and what differs follows the batch. Empty: it stays the examples', traced once.
  std::string batch = "N";
  /// Which axis of each input is the batch; -1: none. Inputs left out: axis 0, where its extent is
  /// that of the first input's.
  std::vector<int64_t> batch_axes = {};
  /// Names of the graph's inputs and outputs; those left out become "input", "input_1", ...
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};
  /// Run the graph on the examples and throw Error unless it gives what `forward` gave: LibTorch's
  /// tracer loses writes into parts of a tensor with no more than a warning.
  bool verify = true;
};

/// What a module computes, as LibTorch calls it: tensors in, tensors out.
using Forward = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

/// Runs `forward` once on `examples` under LibTorch's tracer and rewrites what it did in ONNX's
/// vocabulary (graph::canonical_opset). Control flow is fixed to the path that the examples take;
/// dropout and other training-time operations must be off. Weights are named after `module`'s
/// parameters, which `forward` is expected to use; it is put into evaluation mode meanwhile.
/// Throws Error naming the operation, its operand shapes and the layer before it for an operation
/// that has no lowering. A new operation is one entry in a table of detail/lower_*.cc.
graph::Graph trace(torch::nn::Module& module, const Forward& forward,
                   const std::vector<at::Tensor>& examples, const TraceOptions& options = {});

/// The usual case: one tensor in, one out.
template <class Impl>
graph::Graph trace(torch::nn::ModuleHolder<Impl> module, const at::Tensor& example,
                   const TraceOptions& options = {}) {
  const Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{module->forward(inputs[0])};
  };
  return trace(*module, forward, {example}, options);
}

/// LibTorch's operations that trace() can rewrite ("aten::relu"), sorted.
std::vector<std::string> lowered_operations();

/// Dense copies from one kind of tensor to the other. Throws Error for element types that the other
/// side lacks.
Tensor from_torch(const at::Tensor& tensor);
at::Tensor to_torch(const Tensor& tensor);

}  // namespace betimes::learn
