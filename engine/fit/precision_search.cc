#include "betimes/fit/precision_search.h"

#include <algorithm>
#include <cmath>

#include "betimes/graph/specialize.h"

namespace betimes::fit {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

/// Whether the 8-bit form of `value` comes out of a step that computes it anyway: the producer is
/// in int8, directly or behind activations and additions that are fused into it, or only moves
/// 8-bit values.
bool written_in_int8(const Graph& graph, const Uses& uses, const std::string& value,
                     const std::map<std::string, int>& marked,
                     const std::set<std::string>& lowered) {
  const auto producer = uses.producer(value);
  if (!producer) return false;
  const Node& node = graph.nodes[*producer];
  if (lowered.contains(node.name)) return true;
  for (const std::string& input : node.inputs) {
    if (marked.contains(input)) return true;
    if (uses.only_consumer(input) && written_in_int8(graph, uses, input, marked, lowered)) {
      return true;
    }
  }
  return false;
}

/// Whether some reader needs `value` back as floats in a step of its own.
bool read_as_float(const Graph& graph, const Uses& uses, const std::string& value,
                   const std::map<std::string, int>& marked, const std::set<std::string>& lowered) {
  const auto& readers = uses.consumers(value);
  return std::any_of(readers.begin(), readers.end(), [&](size_t reader) {
    const Node& node = graph.nodes[reader];
    return !lowered.contains(node.name) && node.op != "Add" && !marked.contains(node.outputs[0]);
  });
}

}  // namespace

PrecisionSearch::PrecisionSearch(const Variants& variants, const LatencyModel& latency,
                                 const Losses& losses)
    : variants_(variants), latency_(latency), losses_(losses), uses_(variants.prepared()) {
  for (const auto& [value, type] : graph::specialize(variants.prepared()).types) {
    value_bytes_[value] = static_cast<double>(element_count(type.shape));
  }
  const auto plan = variants.compile({});
  double nodes_ms = 0;
  for (const std::string& node : variants.nodes())
    nodes_ms += latency.node_ms(node, Precision::fp32);
  rest_ms_ = std::max(latency.predict(*plan) - nodes_ms, 0.0);
}

Precision PrecisionSearch::precision_at(size_t choice) const {
  return choice == 0 ? Precision::fp32 : variants_.precisions()[choice - 1];
}

std::vector<std::vector<Choice>> PrecisionSearch::groups() const {
  std::vector<std::vector<Choice>> result;
  for (size_t i = 0; i < variants_.nodes().size(); ++i) {
    const std::string& node = variants_.nodes()[i];
    auto& group = result.emplace_back();
    group.push_back({latency_.node_ms(node, Precision::fp32), 0.0});
    for (const Precision precision : variants_.precisions()) {
      const double ms = latency_.node_ms(node, precision);
      // Not seen at this precision: the runtime computes it in fp32, so nothing is gained.
      group.push_back({std::isfinite(ms) ? ms : group[0].cost, losses_.at({node, precision})});
    }
  }
  return result;
}

Assignment PrecisionSearch::from_selection(const std::vector<size_t>& chosen,
                                           Calibration calibration, int threads) const {
  Assignment assignment{{}, calibration, threads};
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Precision precision = precision_at(chosen[i]);
    if (precision != Precision::fp32) assignment.lowered[variants_.nodes()[i]] = precision;
  }
  return assignment;
}

Estimate PrecisionSearch::estimate(const Assignment& assignment) const {
  Estimate sum{rest_ms_, 0};
  for (const std::string& node : variants_.nodes()) {
    const Precision precision = assignment.of(node);
    const double ms = latency_.node_ms(node, precision);
    sum.ms += std::isfinite(ms) ? ms : latency_.node_ms(node, Precision::fp32);
    if (precision != Precision::fp32) sum.loss += losses_.at({node, precision});
  }
  const Graph& graph = variants_.prepared();
  const std::set<std::string> lowered = assignment.nodes(Precision::int8);
  const std::map<std::string, int> marked = quantized_values(graph, lowered);
  for (const auto& [value, id] : marked) {
    const double bytes = 5.0 * value_bytes_.at(value);  // four in, one out, or the reverse
    if (!written_in_int8(graph, uses_, value, marked, lowered)) {
      sum.ms += latency_.conversion_ms(bytes);
    }
    if (read_as_float(graph, uses_, value, marked, lowered))
      sum.ms += latency_.conversion_ms(bytes);
  }
  return sum;
}

/// The knapsack doesn't see conversions between neighbours. Change one node at a time as long as
/// that helps: first to get under the budget, then to lose less, or to be faster at equal loss.
Assignment PrecisionSearch::improve(Assignment assignment, double budget_ms) const {
  Estimate now = estimate(assignment);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < variants_.nodes().size(); ++i) {
      for (size_t choice = 0; choice <= variants_.precisions().size(); ++choice) {
        Assignment other = assignment;
        const std::string& node = variants_.nodes()[i];
        other.lowered.erase(node);
        if (choice > 0) other.lowered[node] = precision_at(choice);
        if (other == assignment) continue;
        const Estimate then = estimate(other);
        const bool better =
            now.ms > budget_ms
                ? then.ms < now.ms - 1e-9
                : then.ms <= budget_ms && (then.loss < now.loss - 1e-12 ||
                                           (then.loss <= now.loss && then.ms < now.ms - 1e-9));
        if (!better) continue;
        assignment = std::move(other);
        now = then;
        changed = true;
      }
    }
  }
  return assignment;
}

Assignment PrecisionSearch::under(double budget_ms, Calibration calibration, int threads) const {
  const auto all = groups();
  const auto chosen = choose_under_budget(all, budget_ms - rest_ms_);
  if (chosen) return improve(from_selection(*chosen, calibration, threads), budget_ms);
  return improve(from_selection(frontier_selections(all).front(), calibration, threads), budget_ms);
}

std::vector<Assignment> PrecisionSearch::frontier(Calibration calibration, int threads,
                                                  size_t count) const {
  const double slowest = estimate({{}, calibration, threads}).ms;
  const double fastest = estimate(under(0, calibration, threads)).ms;
  std::vector<Assignment> result;
  for (size_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 1.0;
    // A hair above, so that the ends themselves fit under their own budgets.
    const double budget = (fastest + share * (slowest - fastest)) * (1 + 1e-6);
    Assignment next = under(budget, calibration, threads);
    if (std::find(result.begin(), result.end(), next) == result.end()) {
      result.push_back(std::move(next));
    }
  }
  return result;
}

}  // namespace betimes::fit
