#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/fit/calibrate.h"
#include "betimes/fit/quantize.h"
#include "betimes/fit/setting.h"
#include "betimes/graph/graph.h"
#include "betimes/runtime/plan.h"

namespace betimes::fit {

enum class Precision { fp32, bf16, int8 };
std::string_view name(Precision precision);

/// One value for each knob: precision per lowerable node (fp32 where absent), calibration, threads.
struct Assignment {
  std::map<std::string, Precision> lowered;  // never holds fp32
  Calibration calibration = Calibration::min_max;
  int threads = 1;

  Precision of(const std::string& node) const;
  std::set<std::string> nodes(Precision precision) const;
  auto operator<=>(const Assignment&) const = default;
};
Setting to_setting(const Assignment& assignment);

/// A graph as fit works on it: static shapes, batch norms folded into the weights that are to be
/// quantised, nothing left that a constant could replace.
graph::Graph prepare(const graph::Graph& original, const std::map<std::string, Shape>& shapes);

/// Turns assignments into graphs and plans.
class Variants {
 public:
  Variants(graph::Graph prepared, std::map<std::string, Distribution> seen);

  const graph::Graph& prepared() const { return prepared_; }
  /// Nodes whose precision is a knob.
  const std::vector<std::string>& nodes() const { return nodes_; }
  /// Precisions below fp32 that this machine computes natively.
  const std::vector<Precision>& precisions() const { return precisions_; }

  graph::Graph build(const Assignment& assignment) const;
  std::shared_ptr<const runtime::Plan> compile(const Assignment& assignment) const;
  std::shared_ptr<const runtime::Plan> compile(const Assignment& assignment, int threads) const;

 private:
  graph::Graph prepared_;
  std::map<std::string, Distribution> seen_;
  std::vector<std::string> nodes_;
  std::vector<Precision> precisions_;
};

}  // namespace betimes::fit
