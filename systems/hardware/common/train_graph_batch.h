#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace betimes::systems::hardware {

/// Graphs of different sizes side by side as one: nodes are numbered through, and no edge leaves
/// its graph.
struct GraphBatch {
  at::Tensor source, target;  // i64 [E]: what `source` knows flows to `target`
  at::Tensor graph;           // i64 [N]: the graph that a node is of
  int64_t nodes = 0;          // N
  int64_t graphs = 0;         // some may have no node
};

/// One graph: edges (source, target) between nodes 0..nodes-1.
struct EdgeList {
  int64_t nodes = 0;
  std::vector<std::pair<int64_t, int64_t>> edges;
};

/// Throws Error for an edge to a node that isn't there.
GraphBatch join(std::span<const EdgeList> graphs);

/// Chains 0 -> 1 -> ... of those lengths. `lengths`: i64 [graphs], none negative; throws Error.
GraphBatch chains(const at::Tensor& lengths);

/// The same with an edge from every node to itself, and one only.
GraphBatch with_self_loops(const GraphBatch& batch);

}  // namespace betimes::systems::hardware
