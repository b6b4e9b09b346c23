#include "betimes/runtime/plan.h"

#include <set>

#include "betimes/base/cpu.h"
#include "betimes/base/threads.h"
#include "betimes/runtime/detail/lowering.h"
#include "betimes/runtime/detail/plan_impl.h"
#include "betimes/runtime/passes.h"

namespace betimes::runtime {
Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::~Plan() = default;

const std::vector<graph::ValueInfo>& Plan::inputs() const { return impl_->inputs; }
const std::vector<graph::ValueInfo>& Plan::outputs() const { return impl_->outputs; }
const std::vector<StepInfo>& Plan::steps() const { return impl_->infos; }
int Plan::threads() const { return impl_->threads; }
const PlanMemory& Plan::memory() const { return impl_->memory; }

size_t weight_bytes(std::span<const Plan* const> plans) {
  std::set<const std::byte*> seen;
  size_t sum = 0;
  for (const Plan* plan : plans) {
    for (const Weights& weights : plan->impl_->weights) {
      if (seen.insert(weights.data.get()).second) sum += weights.bytes;
    }
  }
  return sum;
}

std::shared_ptr<const Plan> compile(const graph::Graph& graph, const CompileOptions& options) {
  graph::Graph whole = graph;
  graph::validate(whole);
  return compile(graph::specialize(whole, options.shapes, {.values = options.values}), options);
}

std::shared_ptr<const Plan> compile(graph::StaticGraph fixed, const CompileOptions& options) {
  active_isa();  // applies the cap before oneDNN looks at the processor
  const TeamSize team(options.threads);
  graph::run_passes(fixed, standard_passes(), {options.disabled_passes, false});
  auto impl = std::make_unique<Plan::Impl>();
  impl->inputs = fixed.graph.inputs;
  impl->outputs = fixed.graph.outputs;
  impl->threads = options.threads;
  impl->huge_pages = options.huge_pages;
  const auto store =
      options.store ? options.store : std::make_shared<WeightStore>(options.huge_pages);
  lower(fixed, options, *store, *impl);
  plan_memory(*impl);
  return std::shared_ptr<const Plan>(new Plan(std::move(impl)));
}

}  // namespace betimes::runtime
