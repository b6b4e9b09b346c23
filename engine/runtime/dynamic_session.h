#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/runtime/plan.h"

namespace betimes::runtime {

struct DynamicOptions {
  CompileOptions compile = {};  // its shapes aren't read: every call brings its own
  /// Plans kept; the one used longest ago leaves first. A graph that is planned in parts, because
  /// shapes hang on values, keeps so many for its first part and at most four for each later one.
  size_t max_plans = 16;
  /// Extents that a symbol is rounded up to, by symbol: inputs are padded with zeros along its
  /// dimensions, outputs that declare the symbol are cut back. Only for dimensions along which the
  /// model's results don't depend on each other, such as a batch; extents above the largest bucket
  /// are planned as they are. Throws Error for a symbol that no input has.
  std::map<std::string, std::vector<int64_t>> buckets = {};
};

/// What new shapes cost so far.
struct PlanCounts {
  int64_t compiled = 0;
  int64_t reused = 0;
  int64_t evicted = 0;
  double compile_ms = 0;  // in all
  double last_compile_ms = 0;
  size_t weight_bytes = 0;         // of the plans kept now; what several share counts once
  size_t shared_weight_bytes = 0;  // what they would take beyond that if none shared
};

/// Runs a graph on inputs of any shapes: one plan for each combination of shapes that it meets,
/// made on first use and kept. Small integer inputs that decide a shape or a branch belong to the
/// combination with their values. Where a shape hangs on computed values (NonZero, a Reshape to a
/// computed shape) the graph is planned in parts that run one after the other. Its plans share
/// their packed weights; those of several sessions do where DynamicOptions::compile brings a store.
/// Used by one thread at a time.
class DynamicSession {
 public:
  explicit DynamicSession(graph::Graph graph, DynamicOptions options = {});
  ~DynamicSession();
  DynamicSession(DynamicSession&&) noexcept;
  DynamicSession& operator=(DynamicSession&&) noexcept;

  /// Throws Error for unknown, missing or unfit inputs.
  std::map<std::string, Tensor> run(const std::map<std::string, Tensor>& inputs);
  PlanCounts counts() const;
  /// As Session::memory_ranges, of all plans kept now.
  std::vector<MemoryRange> memory_ranges() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace betimes::runtime
