#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "betimes/graph/activation.h"
#include "betimes/graph/pass.h"

/// What the passes share: looking at a graph's patterns and rewriting it node by node.
namespace betimes::runtime {

using graph::Activation;
using graph::Node;
using graph::StaticGraph;

/// Where each value comes from and goes to, as graph::Uses says it, of nodes that change: following
/// a rewrite costs a look at each node's names instead of a new index.
class FollowedUses {
 public:
  explicit FollowedUses(const graph::Graph& graph);
  /// Takes in what changed in the names that the graph's nodes read and compute. Nodes may be
  /// emptied, but neither move nor become more.
  void follow(const graph::Graph& graph);

  std::optional<size_t> producer(const std::string& value) const;
  /// Ascending; a node that reads the value twice is listed twice.
  const std::vector<size_t>& consumers(const std::string& value) const;
  bool is_output(const std::string& value) const;
  /// The one node that reads the value, which is no graph output.
  std::optional<size_t> only_consumer(const std::string& value) const;

 private:
  struct Value {
    std::optional<size_t> producer;
    std::vector<size_t> consumers;
    bool output = false;
  };
  struct Names {
    std::vector<std::string> inputs, outputs;
  };
  void add(size_t node);
  void drop(size_t node);
  const Value& find(const std::string& value) const;

  std::unordered_map<std::string, Value> values_;
  std::vector<Names> nodes_;  // as they were followed last
};

/// A pass at work: marks nodes as gone and keeps uses at hand. Node indices stay valid until
/// finish(), which removes the marked ones and drops what nothing reads.
class Rewriter {
 public:
  explicit Rewriter(StaticGraph& graph) : graph_(graph), uses_(graph.graph) {}
  ~Rewriter() { finish(); }
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  StaticGraph& graph() { return graph_; }
  size_t size() const { return graph_.graph.nodes.size(); }
  Node& node(size_t i) { return graph_.graph.nodes[i]; }
  bool gone(size_t i) const { return gone_.contains(i); }
  const FollowedUses& uses() const { return uses_; }

  /// The node that computes the value, if one does and it isn't gone.
  Node* producer(const std::string& value);
  /// The one node that reads the value, which is no graph output.
  Node* only_consumer(const std::string& value);
  const Tensor* constant(const std::string& value) const;
  const TensorType& type(const std::string& value) const { return graph_.types.at(value); }

  /// Makes every reader of `from` read `to`; false (and nothing done) where `from` is a graph
  /// output, whose name must stay.
  bool replace_uses(const std::string& from, const std::string& to);
  /// Takes the node out; it reads and computes nothing from now on.
  void remove(Node& node);
  std::string add_constant(const std::string& stem, Tensor value);
  /// A name for a new value, starting with `stem`, that nothing has yet; it is taken from then on.
  std::string fresh_name(const std::string& stem);
  /// Brings uses up to date after rewriting; pointers to nodes stay valid.
  void refresh() { uses_.follow(graph_.graph); }
  void changed() { ++changes_; }
  int finish();

 private:
  StaticGraph& graph_;
  FollowedUses uses_;
  std::set<size_t> gone_;
  std::unordered_set<std::string> taken_;  // names; empty until somebody asks for a fresh one
  int changes_ = 0;
  bool finished_ = false;
};

/// A pass that tries every node that isn't gone, in this order; `rewrite` says whether it changed
/// something, and refreshes the rewriter's uses where it did.
enum class Direction : uint8_t { from_start, from_end };
graph::Pass node_pass(const char* name, bool (*rewrite)(Rewriter&, Node&),
                      Direction direction = Direction::from_start);

bool is(const Node* node, const char* op, const char* domain = "");
/// The one number of a constant that holds equal elements throughout (or is a scalar).
std::optional<float> uniform_value(const Tensor* tensor);
/// The constant as one number per channel of a value [N, C, ...] (`rank` dimensions, `channels` of
/// them), where it is broadcast so and no otherwise.
std::optional<std::vector<float>> per_channel(const Tensor* tensor, size_t rank, int64_t channels);
/// Adds the other node's sources to the node's.
void absorb(Node& node, const Node& other);

}  // namespace betimes::runtime
