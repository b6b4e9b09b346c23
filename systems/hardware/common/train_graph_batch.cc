#include "systems/hardware/common/train_graph_batch.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::systems::hardware {
namespace {

at::Tensor numbers(const std::vector<int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

}  // namespace

GraphBatch join(std::span<const EdgeList> graphs) {
  std::vector<int64_t> source, target, graph;
  int64_t first = 0;
  for (size_t i = 0; i < graphs.size(); ++i) {
    const EdgeList& one = graphs[i];
    if (one.nodes < 0) throw Error(fmt::format("graph {}", i), "has fewer than 0 nodes");
    for (const auto& [from, to] : one.edges) {
      if (from < 0 || from >= one.nodes || to < 0 || to >= one.nodes) {
        throw Error(fmt::format("graph {}", i), fmt::format("has an edge {} -> {}", from, to),
                    fmt::format("nodes below {}", one.nodes));
      }
      source.push_back(first + from);
      target.push_back(first + to);
    }
    graph.insert(graph.end(), static_cast<size_t>(one.nodes), static_cast<int64_t>(i));
    first += one.nodes;
  }
  return {numbers(source), numbers(target), numbers(graph), first,
          static_cast<int64_t>(graphs.size())};
}

GraphBatch chains(const at::Tensor& lengths) {
  if (lengths.dim() != 1 || lengths.scalar_type() != at::kLong ||
      (lengths.numel() > 0 && lengths.min().item<int64_t>() < 0)) {
    throw Error("lengths of chains", "aren't whole numbers from 0 in one row");
  }
  GraphBatch found;
  found.graphs = lengths.size(0);
  found.graph = at::repeat_interleave(lengths);
  found.nodes = found.graph.size(0);
  if (found.nodes < 2) {
    found.source = found.target = at::empty({0}, at::kLong);
    return found;
  }
  // Neighbours by number are neighbours in a chain where both are of the same one.
  const at::Tensor here = found.graph.slice(0, 0, found.nodes - 1), next = found.graph.slice(0, 1);
  found.source = (here == next).nonzero().squeeze(1);
  found.target = found.source + 1;
  return found;
}

GraphBatch with_self_loops(const GraphBatch& batch) {
  const at::Tensor others = (batch.source != batch.target).nonzero().squeeze(1);
  const at::Tensor all = at::arange(batch.nodes, at::kLong);
  GraphBatch found = batch;
  found.source = at::cat({batch.source.index_select(0, others), all});
  found.target = at::cat({batch.target.index_select(0, others), all});
  return found;
}

}  // namespace betimes::systems::hardware
