#include "betimes/graph/detail/trees.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "betimes/graph/detail/check.h"

namespace betimes::graph::detail {
namespace {

/// Nodes and leaves are numbered in 28 bits.
constexpr size_t max_nodes = size_t{1} << 28;

enum Way : uint32_t { below = 1, equal = 2, above = 4, nan = 8 };

struct Mode {
  const char* name;
  uint32_t second;  // ways that lead to the second child, the false one
};
/// Comparisons with NaN are false, and "not equal" true.
constexpr std::array modes = {
    Mode{"BRANCH_LEQ", above | nan},
    Mode{"BRANCH_LT", equal | above | nan},
    Mode{"BRANCH_GTE", below | nan},
    Mode{"BRANCH_GT", below | equal | nan},
    Mode{"BRANCH_EQ", below | above | nan},
    Mode{"BRANCH_NEQ", equal},
    Mode{"LEAF", 0},
};

using Key = std::pair<int64_t, int64_t>;  // tree, node
using Ints = std::vector<int64_t>;

/// The lists as they are in the attributes, all of one length.
struct Lists {
  std::vector<Key> keys;
  Ints features, yes, no, missing;
  std::vector<double> values;
  std::vector<uint32_t> second;
  std::vector<bool> leaf;
  std::vector<size_t> order;  // places in the lists, sorted by key

  size_t size() const { return keys.size(); }
  std::string name(size_t i) const {
    return "node " + std::to_string(keys[i].second) + " of tree " + std::to_string(keys[i].first);
  }
};

template <class List>
void require_length(const NodeContext& context, const std::string& key, const List& list,
                    size_t length) {
  if (list.size() == length) return;
  fail(context, "attribute '" + key + "' has " + std::to_string(list.size()) + " elements",
       std::to_string(length));
}

std::vector<Key> keys_of(const NodeContext& context, const std::string& prefix) {
  const Ints trees = context.node.get(prefix + "_treeids", Ints{});
  const Ints nodes = context.node.get(prefix + "_nodeids", Ints{});
  require_length(context, prefix + "_nodeids", nodes, trees.size());
  std::vector<Key> keys;
  for (size_t i = 0; i < trees.size(); ++i) keys.emplace_back(trees[i], nodes[i]);
  return keys;
}

/// Sorts the keys and refuses one that is there twice.
void sort_keys(const NodeContext& context, Lists& lists) {
  lists.order.resize(lists.size());
  std::iota(lists.order.begin(), lists.order.end(), size_t{0});
  std::sort(lists.order.begin(), lists.order.end(),
            [&](size_t a, size_t b) { return lists.keys[a] < lists.keys[b]; });
  for (size_t i = 1; i < lists.size(); ++i) {
    if (lists.keys[lists.order[i]] == lists.keys[lists.order[i - 1]]) {
      fail(context, lists.name(lists.order[i]) + " is given twice");
    }
  }
}

void read_modes(const NodeContext& context, Lists& lists) {
  const auto names = context.node.get("nodes_modes", std::vector<std::string>{});
  require_length(context, "nodes_modes", names, lists.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto mode = std::find_if(modes.begin(), modes.end(),
                                   [&](const Mode& other) { return names[i] == other.name; });
    if (mode == modes.end()) {
      fail(context, lists.name(i) + " has mode '" + names[i] + "'",
           "BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, BRANCH_NEQ or LEAF");
    }
    lists.leaf.push_back(mode->second == 0);
    // A missing value may be told to follow the first child.
    const bool tracks = !lists.missing.empty() && lists.missing[i] != 0;
    lists.second.push_back(tracks ? mode->second & ~uint32_t{nan} : mode->second);
  }
}

Lists read_lists(const NodeContext& context) {
  Lists lists;
  lists.keys = keys_of(context, "nodes");
  if (lists.size() == 0 || lists.size() > max_nodes) {
    fail(context, "has " + std::to_string(lists.size()) + " tree nodes",
         "1 to " + std::to_string(max_nodes));
  }
  const auto read = [&](const std::string& key) {
    Ints list = context.node.get(key, Ints{});
    require_length(context, key, list, lists.size());
    return list;
  };
  lists.features = read("nodes_featureids");
  lists.yes = read("nodes_truenodeids");
  lists.no = read("nodes_falsenodeids");
  const std::string missing = "nodes_missing_value_tracks_true";
  if (!context.node.get(missing, Ints{}).empty()) lists.missing = read(missing);
  lists.values = real_list(context, "nodes_values");
  require_length(context, "nodes_values", lists.values, lists.size());
  sort_keys(context, lists);
  read_modes(context, lists);
  return lists;
}

size_t find_node(const NodeContext& context, const Lists& lists, const Key& key,
                 const std::string& who) {
  const auto at =
      std::lower_bound(lists.order.begin(), lists.order.end(), key,
                       [&](size_t i, const Key& wanted) { return lists.keys[i] < wanted; });
  if (at == lists.order.end() || lists.keys[*at] != key) {
    fail(context, who + " names node " + std::to_string(key.second) + " of tree " +
                      std::to_string(key.first) + ", which isn't there");
  }
  return *at;
}

using Children = std::vector<std::array<size_t, 2>>;

/// Checks the branches and finds where they lead; counts how often each node is led to.
Children children_of(const NodeContext& context, const Lists& lists, int64_t features,
                     std::vector<bool>& is_child) {
  Children children(lists.size());
  is_child.assign(lists.size(), false);
  for (size_t i = 0; i < lists.size(); ++i) {
    if (lists.leaf[i]) continue;
    bounded(context, "the feature of " + lists.name(i), lists.features[i], 0, features - 1);
    if (std::isnan(lists.values[i])) fail(context, lists.name(i) + " compares with NaN");
    const int64_t tree = lists.keys[i].first;
    children[i] = {find_node(context, lists, {tree, lists.yes[i]}, lists.name(i)),
                   find_node(context, lists, {tree, lists.no[i]}, lists.name(i))};
    for (const size_t child : children[i]) {
      if (is_child[child]) fail(context, lists.name(child) + " has two parents", "a tree");
      is_child[child] = true;
    }
  }
  return children;
}

/// One node of each tree, in the order of the trees' ids.
std::vector<size_t> roots_of(const NodeContext& context, const Lists& lists,
                             const std::vector<bool>& is_child) {
  std::vector<size_t> roots;
  for (size_t i = 0; i < lists.size();) {
    const int64_t tree = lists.keys[lists.order[i]].first;
    const size_t before = roots.size();
    for (; i < lists.size() && lists.keys[lists.order[i]].first == tree; ++i) {
      if (!is_child[lists.order[i]]) roots.push_back(lists.order[i]);
    }
    if (roots.size() != before + 1) {
      fail(context,
           "tree " + std::to_string(tree) + " has " + std::to_string(roots.size() - before) +
               " nodes without a parent",
           "1");
    }
  }
  return roots;
}

/// x < t is x <= t', the largest number below t, so that most ensembles need one comparison only.
template <class T>
void simplify(TreeNode<T>& node) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  if ((node.bits & 15u) != (equal | above | nan) || node.threshold == -infinity) return;
  node.threshold = std::nextafter(node.threshold, -infinity);
  node.bits = above | nan;
}

/// Lays the trees out one after another, each child next to its sibling.
template <class T>
class Layout {
 public:
  Layout(const NodeContext& context, const Lists& lists, int64_t features) : lists_(lists) {
    std::vector<bool> is_child;
    children_ = children_of(context, lists, features, is_child);
    leaf_number_.resize(lists.size());
    std::vector<std::pair<int32_t, int32_t>> deepest;  // depth, root
    for (const size_t root : roots_of(context, lists, is_child)) {
      const auto place = static_cast<int32_t>(trees_.nodes.size());
      deepest.emplace_back(lay(root), place);
    }
    // What no root leads to goes round in circles.
    if (trees_.nodes.size() != lists.size()) fail(context, "its nodes make a cycle", "trees");
    // Trees of a depth are walked together.
    std::stable_sort(deepest.begin(), deepest.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [depth, root] : deepest) trees_.roots.push_back(root);
  }

  Trees<T> take() { return std::move(trees_); }
  uint32_t leaf_number(size_t i) const { return leaf_number_[i]; }
  uint32_t leaves() const { return leaves_; }

 private:
  struct Pending {
    size_t source;
    size_t place;
    int32_t depth;
  };

  /// The tree's depth.
  int32_t lay(size_t root) {
    int32_t deepest = 0;
    std::vector<Pending> pending = {{root, trees_.nodes.size(), 0}};
    trees_.nodes.emplace_back();
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      deepest = std::max(deepest, next.depth);
      if (lists_.leaf[next.source]) {
        put_leaf(next);
        continue;
      }
      const size_t pair = trees_.nodes.size();
      trees_.nodes.resize(pair + 2);
      TreeNode<T>& node = trees_.nodes[next.place];
      node.threshold = static_cast<T>(lists_.values[next.source]);
      node.feature = static_cast<int32_t>(lists_.features[next.source]);
      node.next = static_cast<int32_t>(pair);
      node.bits = lists_.second[next.source];
      simplify(node);
      trees_.plain = trees_.plain && node.bits == (above | nan);
      pending.push_back({children_[next.source][1], pair + 1, next.depth + 1});
      pending.push_back({children_[next.source][0], pair, next.depth + 1});
    }
    return deepest;
  }

  void put_leaf(const Pending& at) {
    TreeNode<T>& node = trees_.nodes[at.place];
    node.next = static_cast<int32_t>(at.place);
    node.bits = leaves_ << 4;
    leaf_number_[at.source] = leaves_++;
  }

  const Lists& lists_;
  Children children_;
  std::vector<uint32_t> leaf_number_;
  uint32_t leaves_ = 0;
  Trees<T> trees_;
};

/// Votes sorted by leaf, as the attributes give them in any order.
template <class T>
void read_votes(const NodeContext& context, const std::string& prefix, int64_t targets,
                const Lists& lists, const Layout<T>& layout, Trees<T>& trees) {
  const std::vector<Key> keys = keys_of(context, prefix);
  const Ints ids = context.node.get(prefix + "_ids", Ints{});
  const std::vector<double> weights = real_list(context, prefix + "_weights");
  require_length(context, prefix + "_ids", ids, keys.size());
  require_length(context, prefix + "_weights", weights, keys.size());
  bounded(context, "the number of weights", std::ssize(keys), 0, int64_t{1} << 31);
  std::vector<uint32_t> leaf_of;
  trees.first.assign(size_t{layout.leaves()} + 1, 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string who = "'" + prefix + "_nodeids'";
    const size_t node = find_node(context, lists, keys[i], who);
    if (!lists.leaf[node]) fail(context, lists.name(node) + " has a weight", "a leaf");
    bounded(context, "'" + prefix + "_ids'", ids[i], 0, targets - 1);
    leaf_of.push_back(layout.leaf_number(node));
    ++trees.first[size_t{leaf_of.back()} + 1];
  }
  std::partial_sum(trees.first.begin(), trees.first.end(), trees.first.begin());
  std::vector<uint32_t> next = trees.first;
  trees.votes.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    trees.votes[next[leaf_of[i]]++] = {static_cast<int32_t>(ids[i]), weights[i]};
  }
}

}  // namespace

std::vector<double> real_list(const NodeContext& context, const std::string& key) {
  const auto tensor = context.node.attributes.find(key + "_as_tensor");
  if (tensor == context.node.attributes.end()) {
    const std::vector<float> list = context.node.get(key, std::vector<float>{});
    return {list.begin(), list.end()};
  }
  const auto* value = std::get_if<Tensor>(&tensor->second);
  if (value == nullptr || !is_floating(value->dtype())) {
    fail(context, "attribute '" + tensor->first + "' isn't a tensor of reals");
  }
  if (context.node.has(key)) fail(context, "has both '" + key + "' and '" + tensor->first + "'");
  const Tensor wide = value->cast(DType::f64);
  return {wide.data<double>().begin(), wide.data<double>().end()};
}

template <class T>
Trees<T> read_trees(const NodeContext& context, const std::string& prefix, int64_t features,
                    int64_t targets) {
  const Lists lists = read_lists(context);
  Layout<T> layout(context, lists, std::min<int64_t>(features, int64_t{1} << 31));
  Trees<T> trees = layout.take();
  read_votes(context, prefix, targets, lists, layout, trees);
  return trees;
}

template Trees<float> read_trees(const NodeContext&, const std::string&, int64_t, int64_t);
template Trees<double> read_trees(const NodeContext&, const std::string&, int64_t, int64_t);

}  // namespace betimes::graph::detail
