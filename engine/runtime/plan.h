#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"

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
  size_t weight_bytes() const;
  size_t arena_bytes() const;

  struct Impl;

 private:
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  friend std::shared_ptr<const Plan> compile(graph::StaticGraph, const CompileOptions&);
  friend class Session;
};

/// Throws Error for shapes or nodes that can't be run; everything that can be refused is refused
/// here, before anything runs: NeedsValue where a shape or a branch hangs on what only a run gives,
/// which a DynamicSession takes.
std::shared_ptr<const Plan> compile(const graph::Graph& graph, const CompileOptions& options = {});

/// The same for a graph whose shapes are fixed already; `options.shapes` and `values` aren't read.
std::shared_ptr<const Plan> compile(graph::StaticGraph fixed, const CompileOptions& options = {});

}  // namespace betimes::runtime
