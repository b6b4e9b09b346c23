#include <cmath>

#include "betimes/base/random.h"
#include "systems/hardware/mlir-cost-model/counts.h"
#include "systems/hardware/mlir-cost-model/dataset.h"
#include "systems/hardware/mlir-cost-model/generator.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// Nothing of a compiler: registers follow the widest body and the unrolling, code the number of
/// operators, time the arithmetic, of which fusion saves a part or recomputes some.
Labels stand_in_labels(const Function& function, const Schedule& schedule, Random& random) {
  double flops = 0, widest = 0, operators = 0;
  for (const Operation& operation : function.operations) {
    flops += flops_of(operation);
    widest =
        std::max(widest, static_cast<double>(operation.operands.size() + operation.body.size()));
    operators += operation.type.tensor ? 1 : 0;
  }
  const double unroll = schedule.unroll, noise = random.uniform(0.97, 1.03);
  Labels labels;
  labels.vector_registers = std::floor(1 + widest + 0.5 * unroll + (schedule.fuse ? 2 : 0));
  labels.general_registers = 15;
  labels.spills = labels.reloads = std::floor(operators / 2);
  labels.uops = (20 + 12 * operators * std::sqrt(unroll)) * noise;
  labels.cycles = labels.uops / 2.5;
  labels.utilisation = 30 + 4 * std::log2(unroll) + widest + (schedule.fuse ? 8 : 0);
  labels.run_cycles = (100 + flops / 16 / (1 + 0.1 * std::log2(unroll))) *
                      (schedule.fuse ? 1 + operators / 40 : 1.2) * noise;
  return labels;
}

}  // namespace

DataSet stand_in_data(int64_t graphs, uint64_t seed) {
  DataSet found;
  Random random(seed);
  for (int64_t i = 0; i < graphs; ++i) {
    Graph graph;
    graph.seed = seed * 1'000'003 + static_cast<uint64_t>(i);
    const Generated made = generate(graph.seed);
    graph.kind = made.kind;
    graph.text = made.text;
    graph.function = parse_function(made.text, "generated function");
    for (const Schedule& schedule : all_schedules()) {
      if (schedule.unroll == 2 || schedule.unroll == 8) continue;
      graph.variants.push_back({schedule, stand_in_labels(graph.function, schedule, random), 0});
    }
    found.graphs.push_back(std::move(graph));
  }
  return found;
}

}  // namespace betimes::systems::mlir_cost_model
