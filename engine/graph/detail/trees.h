#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/graph/operator.h"

/// Ensembles of decision trees, as the operators of domain ai.onnx.ml list them.
namespace betimes::graph::detail {

/// A node in the array that is walked. The children of a branch are neighbours: `next` and the one
/// after it. A leaf's `next` is itself.
template <class T>
struct TreeNode {
  T threshold{};
  int32_t feature = 0;
  int32_t next = 0;
  /// Low 4 bits: whether the second child is taken when the value is below, equal to or above the
  /// threshold, or NaN; none of them in a leaf. The rest: a leaf's number.
  uint32_t bits = 0;

  uint32_t leaf() const { return bits >> 4; }
};

/// What a leaf adds to one target or class.
struct TreeVote {
  int32_t target;
  double weight;
};

template <class T>
struct Trees {
  std::vector<TreeNode<T>> nodes;
  std::vector<int32_t> roots;   // deepest tree first
  std::vector<uint32_t> first;  // per leaf: its first vote; one more at the end
  std::vector<TreeVote> votes;
  /// All branches go to the second child above their threshold and for NaN: one comparison tells.
  bool plain = true;
};

/// Reads and checks the lists nodes_* and, for the votes, <prefix>_treeids, _nodeids, _ids and
/// _weights. Each tree's nodes must make one tree; features must be below `features`, targets below
/// `targets`. Throws Error naming the node.
template <class T>
Trees<T> read_trees(const NodeContext& context, const std::string& prefix, int64_t features,
                    int64_t targets);

/// A list of reals from attribute `key` or from the tensor `key`_as_tensor.
std::vector<double> real_list(const NodeContext& context, const std::string& key);

/// Walks `lanes` trees at once, whose steps don't wait for each other, and without a branch on what
/// a comparison says: which way a tree goes can't be foreseen. Ends when all are at their leaves.
template <int lanes, bool plain, class T>
inline void walk_trees(const TreeNode<T>* nodes, const int32_t* roots, const T* x,
                       uint32_t* leaves) {
  int32_t at[lanes];
  for (int i = 0; i < lanes; ++i) at[i] = roots[i];
  for (int32_t moved = 1; moved != 0;) {
    moved = 0;
    for (int i = 0; i < lanes; ++i) {
      const TreeNode<T>& node = nodes[at[i]];
      const T value = x[node.feature];
      uint32_t second = 0;
      if constexpr (plain) {
        second = static_cast<uint32_t>(!(value <= node.threshold)) & (node.bits >> 3);
      } else {
        const int order = static_cast<int>(!(value < node.threshold)) +
                          static_cast<int>(!(value <= node.threshold)) +
                          static_cast<int>(value != value);
        second = node.bits >> order;
      }
      const int32_t to = node.next + static_cast<int32_t>(second & 1u);
      moved |= to ^ at[i];
      at[i] = to;
    }
  }
  for (int i = 0; i < lanes; ++i) leaves[i] = nodes[at[i]].leaf();
}

/// f(leaf) for the leaf that x reaches in each tree.
template <bool plain, class T, class F>
void each_leaf(const Trees<T>& trees, const T* x, F&& f) {
  constexpr int lanes = 8;
  uint32_t leaves[lanes];
  const int32_t* root = trees.roots.data();
  const int32_t* const end = root + trees.roots.size();
  for (; end - root >= lanes; root += lanes) {
    walk_trees<lanes, plain>(trees.nodes.data(), root, x, leaves);
    for (const uint32_t leaf : leaves) f(leaf);
  }
  for (; root != end; ++root) {
    walk_trees<1, plain>(trees.nodes.data(), root, x, leaves);
    f(leaves[0]);
  }
}

}  // namespace betimes::graph::detail
