#include <algorithm>

#include "betimes/fit/detail/fitting.h"

namespace betimes::fit {
namespace {

constexpr double share_of_time = 0.2;

/// The lowerable node whose result `value` is, seen through operators with one operand.
std::optional<size_t> source(const graph::Graph& graph, const graph::Uses& uses, std::string value,
                             const std::vector<std::string>& nodes) {
  while (const auto producer = uses.producer(value)) {
    const graph::Node& node = graph.nodes[*producer];
    const auto at = std::find(nodes.begin(), nodes.end(), node.name);
    if (at != nodes.end()) return static_cast<size_t>(at - nodes.begin());
    if (node.inputs.size() != 1) return std::nullopt;
    value = node.inputs[0];
  }
  return std::nullopt;
}

}  // namespace

/// Losses as the distance of the outputs from the original's, on a few validation examples.
class Fitting::Oracle : public LossOracle {
 public:
  Oracle(Fitting& fitting, int64_t examples)
      : fitting_(fitting),
        part_(fitting.task_.validation.slice(0, examples)),
        reference_(first_rows(fitting.reference_, examples)),
        quality_(
            judge::summarize(scores(fitting.metric_, reference_, reference_, part_.labels)).value),
        begun_(fitting.elapsed()) {}

  const std::vector<std::string>& nodes() const override { return fitting_.variants_->nodes(); }
  const std::vector<Precision>& precisions() const override {
    return fitting_.variants_->precisions();
  }

  std::vector<std::pair<size_t, size_t>> added() const override {
    const graph::Graph& graph = fitting_.variants_->prepared();
    const graph::Uses uses(graph);
    std::vector<std::pair<size_t, size_t>> pairs;
    for (const graph::Node& node : graph.nodes) {
      if (node.op != "Add" || node.inputs.size() != 2) continue;
      const auto a = source(graph, uses, node.inputs[0], nodes());
      const auto b = source(graph, uses, node.inputs[1], nodes());
      if (a && b && *a != *b) pairs.emplace_back(std::min(*a, *b), std::max(*a, *b));
    }
    return pairs;
  }

  double loss(const std::map<std::string, Precision>& lowered) override {
    const Assignment assignment{lowered, fitting_.calibration_, 1};
    const Predictions found =
        predict(fitting_.variants_->compile(assignment, 1), part_.inputs, workers());
    ++evaluations_;
    if (lowered.size() == 1) {
      fitting_.drops_[*lowered.begin()] =
          quality_ -
          judge::summarize(scores(fitting_.metric_, found, reference_, part_.labels)).value;
    }
    return output_error(found, reference_);
  }

  int64_t affordable() const override {
    const double used = fitting_.elapsed() - begun_;
    const double left = std::max(0.0, share_of_time * fitting_.options_.max_seconds - used);
    // Before the first evaluation: what the number of examples was chosen for.
    if (evaluations_ == 0) return static_cast<int64_t>(nodes().size() * precisions().size());
    return static_cast<int64_t>(left / (used / static_cast<double>(evaluations_)));
  }

 private:
  Fitting& fitting_;
  judge::Examples part_;
  Predictions reference_;
  double quality_;
  double begun_;
  int64_t evaluations_ = 0;
};

void Fitting::find_losses() {
  const IndependentSensitivity independent;
  const SensitivityMethod& method = options_.sensitivity ? *options_.sensitivity : independent;
  const int64_t wanted =
      method.evaluations(variants_->nodes().size(), variants_->precisions().size());
  Oracle oracle(*this, affordable(share_of_time, static_cast<size_t>(wanted)));
  losses_ = method.losses(oracle, [&](double done) {
    progress(0.14 + 0.2 * done, "sensitivity of layers (" + method.name() + ")");
  });
}

}  // namespace betimes::fit
