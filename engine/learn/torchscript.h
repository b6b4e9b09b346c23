#pragma once

#include <string>
#include <vector>

#include "betimes/learn/trace.h"

namespace betimes::learn {

/// The `forward` of a TorchScript file as LibTorch runs it, in evaluation mode on the CPU. Throws
/// Error for a file that is damaged or isn't TorchScript; the function throws Error for what the
/// model can't compute on its inputs, and for results that aren't tensors.
Forward load_torchscript(const std::string& path);

/// Reads a TorchScript file (scripted or traced) and rewrites its `forward` as learn::trace would,
/// on `examples` whose shapes the graph keeps but for the batch. Throws Error for a file that is
/// damaged or isn't TorchScript, for control flow that depends on what the model computes, and for
/// an operation that has no lowering.
graph::Graph read_torchscript(const std::string& path, const std::vector<at::Tensor>& examples,
                              const TraceOptions& options = {});

}  // namespace betimes::learn
