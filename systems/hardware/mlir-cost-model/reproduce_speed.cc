#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "betimes/base/statistics.h"
#include "betimes/base/threads.h"
#include "betimes/measure/latency.h"
#include "systems/hardware/mlir-cost-model/reproduce_parts.h"
#include "systems/hardware/mlir-cost-model/served.h"
#include "systems/hardware/mlir-cost-model/split.h"
#include "systems/hardware/mlir-cost-model/train_sentences.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// An untrained model costs what a trained one does.
CostModel untrained(const DataSet& data, const Split& split, const Pair& pair) {
  Learned learned{
      SentenceModel(nullptr), make_vocabulary(data, split.training, pair.tokens), {}, 0};
  ModelOptions options;
  options.reader = pair.reader;
  options.vocabulary = learned.vocabulary.size();
  learned.model = SentenceModel(options);
  return {served_graph(learned, pair.tokens, 1), pair.label(), 0, 1};
}

/// Milliseconds to lower some of the test graphs, now: what the data set's own times were measured
/// beside isn't known.
std::vector<double> lowering_times(const system::Study& study, const Toolchain& tools,
                                   const DataSet& data, const std::vector<size_t>& graphs) {
  std::vector<double> found;
  const size_t count = std::min<size_t>(graphs.size(), study.quick() ? 5 : 40);
  for (size_t i = 0; i < count; ++i) {
    const Graph& graph = data.graphs[graphs[i]];
    study.progress(0.9 + 0.05 * static_cast<double>(i) / static_cast<double>(count),
                   "lowering, for its time");
    try {
      found.push_back(lower(tools, graph.text, graph.variants[0].schedule).milliseconds);
    } catch (const std::exception&) {
      continue;  // stand-in graphs were never lowered before
    }
  }
  return found;
}

}  // namespace

void compare_speed(system::Study& study, const Material& material) {
  const DataSet& data = material.data;
  const Split split = split_graphs(data, study.seed());
  std::vector<Pair> all = {{Reader::bag, Tokens::ops}, {Reader::conv, Tokens::ops}};
  if (!study.quick()) {
    all.insert(all.end(), {{Reader::conv, Tokens::operands},
                           {Reader::conv, Tokens::buckets},
                           {Reader::lstm, Tokens::ops},
                           {Reader::transformer, Tokens::ops}});
  }
  std::vector<CostModel> models;
  for (const Pair& pair : all) models.push_back(untrained(data, split, pair));
  std::vector<size_t> next(models.size() * 2, 0);
  std::vector<std::function<void()>> runs;
  for (size_t i = 0; i < models.size(); ++i) {
    for (const bool from_text : {true, false}) {
      runs.emplace_back([&, i, from_text, at = 2 * i + (from_text ? 0 : 1)] {
        next[at] = (next[at] + 1) % split.test.size();
        const Graph& graph = data.graphs[split.test[next[at]]];
        const Schedule& schedule = graph.variants[0].schedule;
        models[i].predict(from_text ? parse_function(graph.text, "function") : graph.function,
                          schedule);
      });
    }
  }
  // Plans for every length are made before anything is timed.
  for (const auto& run : runs) {
    for (size_t i = 0; i < split.test.size(); ++i) run();
  }
  measure::Options how;
  how.max_seconds = study.quick() ? 2 : 20;
  how.min_runs = 60;
  const PinnedTeam team(1);
  const std::vector<measure::Latency> found = measure::measure_interleaved(runs, how, study.seed());
  system::Table table{"A prediction, one thread, microseconds",
                      {"model", "from text p50", "p99", "from a parsed function p50"},
                      {}};
  double own_ms = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const measure::Latency &text = found[2 * i], &parsed = found[2 * i + 1];
    table.rows.push_back(
        {all[i].label(), 1e3 * text.p50.value, 1e3 * text.p99.value, 1e3 * parsed.p50.value});
    if (all[i].reader == Reader::conv && all[i].tokens == Tokens::ops) own_ms = text.p50.value;
  }
  study.table(std::move(table));
  const std::optional<Toolchain> tools = find_toolchain();
  if (!tools) {
    study.not_shown("faster", "Debian's mlir-15-tools and llvm-15 aren't here to lower with");
    return;
  }
  const std::vector<double> ms = lowering_times(study, *tools, data, split.test);
  if (ms.empty()) {
    study.not_shown("faster", "the compiler refused every function that was tried");
    return;
  }
  study.evidence("faster", {median(ms) / own_ms,
                            {},
                            static_cast<int64_t>(ms.size()),
                            fmt::format("{:.0f} ms against {:.3g} us, operators alone", median(ms),
                                        1e3 * own_ms)});
}

}  // namespace betimes::systems::mlir_cost_model
