#include "systems/hardware/mlir-cost-model/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "systems/hardware/mlir-cost-model/counts.h"

namespace betimes::systems::mlir_cost_model {
namespace {

CountModel constant(const DataSet& data, const std::vector<size_t>& graphs) {
  Values means{};
  for (size_t target = 0; target < target_count; ++target) {
    means[target] = mean(count_examples(data, graphs, target).values);
  }
  return [means](const Function&, const Schedule&) { return means; };
}

CountModel linear(const DataSet& data, const std::vector<size_t>& graphs) {
  std::vector<Linear> models;
  for (size_t target = 0; target < target_count; ++target) {
    models.emplace_back(count_examples(data, graphs, target));
  }
  return [models](const Function& function, const Schedule& schedule) {
    const std::vector<float> features = count(function, schedule);
    Values found{};
    for (size_t i = 0; i < target_count; ++i) found[i] = models[i].predict(features);
    return found;
  };
}

CountModel trees(const DataSet& data, const std::vector<size_t>& graphs, uint64_t seed) {
  std::vector<hardware::Boosting> models;
  for (size_t target = 0; target < target_count; ++target) {
    models.push_back(boost(count_examples(data, graphs, target), seed));
  }
  return [models](const Function& function, const Schedule& schedule) {
    const std::vector<float> counts = count(function, schedule);
    const std::vector<double> features(counts.begin(), counts.end());
    Values found{};
    for (size_t i = 0; i < target_count; ++i) found[i] = models[i].predict(features);
    return found;
  };
}

CountModel by_schedule(const DataSet& data, const std::vector<size_t>& graphs) {
  std::map<std::string, std::pair<Values, double>> sums;  // with how many
  for (const size_t i : graphs) {
    const std::vector<Variant>& variants = data.graphs.at(i).variants;
    Values middle{};
    for (const Variant& variant : variants) {
      for (size_t t = 0; t < target_count; ++t) {
        middle[t] += scaled(variant.labels)[t] / static_cast<double>(variants.size());
      }
    }
    for (const Variant& variant : variants) {
      auto& [sum, rows] = sums[to_string(variant.schedule)];
      for (size_t t = 0; t < target_count; ++t) sum[t] += scaled(variant.labels)[t] - middle[t];
      rows += 1;
    }
  }
  const Values means = constant(data, graphs)({}, {});
  return [sums, means](const Function&, const Schedule& schedule) {
    Values found = means;
    const auto at = sums.find(to_string(schedule));
    if (at == sums.end()) return found;
    for (size_t t = 0; t < target_count; ++t) found[t] += at->second.first[t] / at->second.second;
    return found;
  };
}

}  // namespace

Examples count_examples(const DataSet& data, const std::vector<size_t>& graphs, size_t target) {
  Examples found;
  found.width = count_names().size();
  for (const size_t i : graphs) {
    const Graph& graph = data.graphs.at(i);
    for (const Variant& variant : graph.variants) {
      const std::vector<float> features = count(graph.function, variant.schedule);
      found.features.insert(found.features.end(), features.begin(), features.end());
      found.values.push_back(scaled(variant.labels).at(target));
    }
  }
  return found;
}

hardware::Boosting boost(const Examples& examples, uint64_t seed) {
  hardware::BoostingOptions options;
  options.trees = 300;
  options.depth = 6;
  options.least = 3;
  options.subsample = 0.8;
  options.seed = seed;
  const std::vector<double> rows(examples.features.begin(), examples.features.end());
  return {rows, examples.values, examples.width, options};
}

std::vector<std::string> baseline_names() { return {"constant", "linear", "trees", "schedule"}; }

CountModel learn_baseline(const std::string& name, const DataSet& data,
                          const std::vector<size_t>& graphs, uint64_t seed) {
  if (name == "constant") return constant(data, graphs);
  if (name == "linear") return linear(data, graphs);
  if (name == "trees") return trees(data, graphs, seed);
  if (name == "schedule") return by_schedule(data, graphs);
  throw Error("baseline", fmt::format("'{}' isn't known", name),
              fmt::format("one of {}", fmt::join(baseline_names(), ", ")));
}

}  // namespace betimes::systems::mlir_cost_model
