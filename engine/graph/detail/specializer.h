#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "betimes/graph/operator.h"
#include "betimes/graph/specialize.h"

namespace betimes::graph::detail {

/// Decides which values become constants: a few bytes of file can ask for a chain of large ones, so
/// their sum is bounded as well as each.
class FoldBudget {
 public:
  explicit FoldBudget(size_t limit) : limit_(limit), left_(4 * limit) {}
  bool grants(const std::vector<TensorType>& types);

 private:
  size_t limit_;
  size_t left_;
};

/// Takes nodes in topological order, works out their types, folds what it can, and writes If, Loop
/// and Scan out where what steers them is known.
class Specializer {
 public:
  enum class Mode : uint8_t {
    strict,     // a node that needs an unknown value throws NeedsValue
    deferring,  // it is put aside, with all that depends on it
    evaluating  // every node is computed: all inputs are constants
  };

  /// `graph` has the inputs and constants with their types; kept nodes are added to it.
  Specializer(StaticGraph& graph, Mode mode, size_t fold_limit);

  void take(const Node& node);

  /// Null where it isn't known.
  const Tensor* constant(const std::string& value) const;
  const TensorType* type(const std::string& value) const;
  /// Adds a constant under a name that nothing has yet, and gives the name.
  std::string add_constant(const std::string& stem, Tensor value);
  /// A prefix for the names of a body's values and nodes that nothing begins with.
  std::string fresh_prefix(const Node& node);

  /// What was kept or put aside after this mark is dropped again by rewind().
  struct Mark {
    size_t kept;
    size_t deferred;
  };
  Mark mark() const { return {kept_.size(), deferred_.size()}; }
  void rewind(const Mark& mark);

  std::vector<Node> take_kept() { return std::move(kept_); }
  std::vector<Node> take_deferred() { return std::move(deferred_); }
  /// Values that nodes put aside will give.
  bool is_deferred(const std::string& value) const { return deferred_values_.contains(value); }
  /// The nodes put aside whose inputs are all there, and which of these they need the values of.
  const std::map<std::string, size_t>& needs() const { return needs_; }

 private:
  void take_plain(const Node& node);
  void defer(const Node& node);
  bool waits(const Node& node) const;

  StaticGraph& graph_;
  Mode mode_;
  FoldBudget budget_;
  std::vector<Node> kept_;
  std::vector<Node> deferred_;
  std::set<std::string> deferred_values_;
  std::map<std::string, size_t> needs_;  // node -> input whose value it needs
  std::map<std::string, int> prefixes_;
  size_t taken_ = 0;
};

/// The graph with its inputs' shapes fixed, those with a value made constants, and no nodes.
StaticGraph begin_specialization(const Graph& graph, std::map<std::string, Shape> shapes,
                                 const std::map<std::string, Tensor>& values);

bool is_control_flow(const Node& node);
/// Writes the node out as the nodes that its bodies have; throws NeedsValue where what steers it
/// isn't known, and Error for a Loop whose condition a body computes from data.
void expand_control_flow(Specializer& specializer, const Node& node);

}  // namespace betimes::graph::detail
