#include "betimes/cost/cost_model.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "betimes/base/error.h"

namespace betimes::cost {
namespace {

/// What a step takes that computes next to nothing.
constexpr double least_ms = 1e-4;
constexpr double farthest = 0.585;  // log2(1.5)
constexpr size_t neighbours = 4;

/// What must be equal: it changes what is done per element.
auto strict_key(const std::string& op, const KernelWork& w) {
  const bool grouped = w.groups > 1;
  return std::tuple(op, w.kind, w.bits, w.taps, w.stride, w.dilation, w.steps, w.functions,
                    w.exponentials, w.reference, grouped);
}

double distance(const KernelWork& a, const KernelWork& b) {
  double most = 0;
  for (double KernelWork::*extent :
       {&KernelWork::rows, &KernelWork::inner, &KernelWork::columns, &KernelWork::groups,
        &KernelWork::read, &KernelWork::weights, &KernelWork::written}) {
    most = std::max(most, std::abs(std::log2((1 + a.*extent) / (1 + b.*extent))));
  }
  return most;
}

/// What the time is taken to be proportional to between neighbours.
double amount(const KernelWork& work) { return work.macs >= 1 ? work.macs : work.bytes + 1; }

class RooflineModel final : public CostModel {
 public:
  std::string_view name() const override { return "roofline"; }
  std::optional<double> predict(const Kernel& kernel, const Device& device) const override {
    return baseline_ms(kernel.work, device.machine);
  }
};

class OperatorTable final : public CostModel {
 public:
  std::string_view name() const override { return "table"; }
  std::optional<double> predict(const Kernel& kernel, const Device& device) const override {
    double sum = 0;
    double weights = 0;
    size_t used = 0;
    for (const Neighbour& near : nearest_kernels(kernel, device.kernels, device.kernels.size())) {
      if (near.distance > farthest || used == neighbours) break;
      if (near.kernel->kernel != kernel.kernel) continue;
      // The same work may have been seen at several places of a model: these count alike, alone.
      const bool equal = near.distance == 0;
      if (!equal && weights > 0 && used == 0) break;
      const double weight = equal ? 1 : 1 / near.distance;
      sum += weight * near.kernel->ms * amount(kernel.work) / amount(near.kernel->work);
      weights += weight;
      if (!equal) ++used;
    }
    return weights > 0 ? std::optional(sum / weights) : std::nullopt;
  }
};

class LearnedKernels final : public CostModel {
 public:
  explicit LearnedKernels(BoostedTrees trees) : trees_(std::move(trees)) {
    if (trees_.features() != feature_count) {
      throw Error("the learned kernels", "read " + std::to_string(trees_.features()) + " features",
                  std::to_string(feature_count));
    }
  }
  std::string_view name() const override { return "learned"; }
  std::optional<double> predict(const Kernel& kernel, const Device& device) const override {
    const auto numbers = features(kernel, device.machine);
    return baseline_ms(kernel.work, device.machine) *
           std::exp(static_cast<double>(trees_.predict(numbers)));
  }

 private:
  BoostedTrees trees_;
};

}  // namespace

double baseline_ms(const KernelWork& work, const measure::Machine& machine) {
  return least_ms + roofline(work, machine).ms;
}

std::vector<Neighbour> nearest_kernels(const Kernel& kernel, const std::vector<KernelTime>& table,
                                       size_t most) {
  const auto key = strict_key(kernel.op, kernel.work);
  std::vector<Neighbour> found;
  for (const KernelTime& each : table) {
    if (strict_key(each.op, each.work) != key) continue;
    found.push_back({&each, distance(kernel.work, each.work)});
  }
  const auto closer = [](const Neighbour& a, const Neighbour& b) {
    return a.distance < b.distance;
  };
  std::stable_sort(found.begin(), found.end(), closer);
  if (found.size() > most) found.resize(most);
  return found;
}

std::unique_ptr<CostModel> roofline_model() { return std::make_unique<RooflineModel>(); }
std::unique_ptr<CostModel> operator_table() { return std::make_unique<OperatorTable>(); }
std::unique_ptr<CostModel> learned_kernels(BoostedTrees trees) {
  return std::make_unique<LearnedKernels>(std::move(trees));
}

}  // namespace betimes::cost
