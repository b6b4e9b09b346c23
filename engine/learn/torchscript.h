#pragma once

#include <string>
#include <vector>

#include "betimes/learn/trace.h"

namespace betimes::learn {

/// Reads a TorchScript file (scripted or traced) and rewrites its `forward` as learn::trace would,
/// on `examples` whose shapes the graph keeps but for the batch. Throws Error for a file that isn't
/// TorchScript, for control flow that depends on what the model computes, and for an operation
/// that has no lowering.
graph::Graph read_torchscript(const std::string& path, const std::vector<at::Tensor>& examples,
                              const TraceOptions& options = {});

}  // namespace betimes::learn
