#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"
#include "betimes/runtime/weight_store.h"

namespace betimes::runtime {

struct CompileOptions {
  /// Whole input shapes by name; a symbol without one becomes 1.
  std::map<std::string, Shape> shapes = {};
  /// Inputs that are fixed to a value and become part of the plan: a sampling rate that chooses a
  /// branch, for instance.
  std::map<std::string, Tensor> values = {};
  int threads = 1;
  /// Nodes (by name, as in the source graph) to compute in bfloat16. int8 isn't said here: it is in
  /// the graph, as QuantizeLinear and DequantizeLinear nodes.
  std::set<std::string> bf16 = {};
  /// Optimisation passes to leave out, by name.
  std::set<std::string> disabled_passes = {};
  /// Plans that are given the same store share what is equal in their packed weights. Null: the
  /// plan shares with nobody.
  std::shared_ptr<WeightStore> store = nullptr;
  /// Activations, and weights where no store is given, on huge pages of 2 MiB; ordinary ones where
  /// the system refuses (on_huge_pages(Session::memory_ranges()) says what it gave). Takes up to 2
  /// MiB more.
  bool huge_pages = false;
};

/// One step of a plan, for people and for cost models.
struct StepInfo {
  std::string name;                 // of the node that gives the step its name
  std::string op;                   // what it computes: "Conv", "Reorder", ...
  std::vector<std::string> source;  // names of the source graph's nodes it covers
  std::string kernel;               // which implementation was chosen
  std::string precision;            // "fp32", "bf16", "int8"
  std::string refusals;             // why better kernels were passed over; empty when none was
  double macs = 0;                  // multiply-accumulates
  double bytes = 0;                 // compulsory traffic: inputs + weights + outputs
  std::vector<TensorType> inputs;   // of the node, in its order, constants too; absent ones: [0]
  std::vector<TensorType> outputs;
  bool channels_last = false;                          // whether output 0 lies so in memory
  std::map<std::string, graph::Attribute> attributes;  // of the node; no tensors and no bodies
};

/// What a plan and its sessions hold, in bytes.
struct PlanMemory {
  size_t weights = 0;         // packed weights and constants, each once
  size_t shared_weights = 0;  // of these, what the plan's store had already when it was compiled
  size_t arena = 0;           // of each session: activations and working memory
  size_t arena_least = 0;     // the most that is alive at one step: no arena can be smaller
  size_t inputs_outputs = 0;  // of each session: the buffers outside the arena
};

/// A graph made ready to run on this machine for given shapes: fused, laid out, weights packed,
/// memory planned. Immutable, and shared by any number of sessions.
class Plan {
 public:
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan();

  const std::vector<graph::ValueInfo>& inputs() const;
  const std::vector<graph::ValueInfo>& outputs() const;
  /// In the order they run.
  const std::vector<StepInfo>& steps() const;
  int threads() const;
  const PlanMemory& memory() const;

  struct Impl;

 private:
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  friend std::shared_ptr<const Plan> compile(graph::StaticGraph, const CompileOptions&);
  friend class Session;
  friend size_t weight_bytes(std::span<const Plan* const>);
};

/// What the weights of several plans take together: those that they share count once.
size_t weight_bytes(std::span<const Plan* const> plans);

/// Throws Error for shapes or nodes that can't be run; everything that can be refused is refused
/// here, before anything runs: NeedsValue where a shape or a branch hangs on what only a run gives,
/// which a DynamicSession takes.
std::shared_ptr<const Plan> compile(const graph::Graph& graph, const CompileOptions& options = {});

/// The same for a graph whose shapes are fixed already; `options.shapes` and `values` aren't read.
std::shared_ptr<const Plan> compile(graph::StaticGraph fixed, const CompileOptions& options = {});

}  // namespace betimes::runtime
