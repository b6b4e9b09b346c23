#include "systems/hardware/wa-hls4ml/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/wa-hls4ml/logistic.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr std::array<Target, 4> summed = {Target::ff, Target::lut, Target::bram, Target::dsp};

double number(int64_t value) { return static_cast<double>(value); }

double multipliers(const Layer& layer) {
  return number(layer.in[0] * layer.out[0]) / number(layer.reuse);
}

std::vector<double> features(const Layer& layer) {
  return {number(layer.in[0]), number(layer.out[0]), number(layer.precision), number(layer.reuse),
          multipliers(layer)};
}

std::vector<double> success_features(const Layer& layer) {
  return {std::log2(multipliers(layer)), number(layer.precision)};
}

class FittedLayers : public LayerModel {
 public:
  explicit FittedLayers(std::span<const Sample> samples) {
    std::vector<double> rows, reasons;
    std::vector<bool> succeeded;
    std::map<Target, std::vector<double>> costs;
    for (const Sample& sample : samples) {
      if (sample.network.layers.size() != 1 || sample.network.strategy != Strategy::resource) {
        continue;
      }
      const Layer& layer = sample.network.layers[0];
      const std::vector<double> why = success_features(layer);
      reasons.insert(reasons.end(), why.begin(), why.end());
      succeeded.push_back(sample.costs.has_value());
      if (!sample.costs) continue;
      const std::vector<double> row = features(layer);
      rows.insert(rows.end(), row.begin(), row.end());
      for (const Target target : summed) {
        costs[target].push_back(std::log1p(of(*sample.costs, target)));
      }
    }
    if (rows.empty()) {
      throw Error("layers to fit", "have none that synthesised with the resource strategy");
    }
    for (const Target target : summed) {
      trees_[target] = hardware::Boosting(rows, costs[target], 5, {});
    }
    success_ = Logistic(reasons, succeeded, 2);
  }

  double cost(Target target, const Layer& layer) const override {
    return std::max(std::expm1(trees_.at(target).predict(features(layer))), 0.0);
  }
  double success(const Layer& layer) const override {
    return success_.probability(success_features(layer));
  }

 private:
  std::map<Target, hardware::Boosting> trees_;
  Logistic success_;
};

class PlainLayers : public LayerModel {
 public:
  double cost(Target target, const Layer& layer) const override {
    const double bits = number(layer.precision), outputs = number(layer.out[0]);
    switch (target) {
      case Target::ff:
        return 4 * bits * outputs + 10 * multipliers(layer);
      case Target::lut:
        return 20 * bits * outputs + 12 * bits * multipliers(layer);
      case Target::bram:
        return std::ceil(bits * number(layer.in[0] * layer.out[0]) / 18'432);
      default:
        return bits > 9 ? multipliers(layer) : 0;
    }
  }
  double success(const Layer& layer) const override {
    return 1 / (1 + std::exp(2 * (std::log2(multipliers(layer)) - 11)));
  }
};

/// What synthesis would say, by the law and the model.
Sample synthesise(Network network, const LayerModel& layers, double noise, Random& random) {
  Sample sample;
  bool synthesises = true;
  std::vector<int64_t> reuse;
  Costs costs{};
  for (const Layer& layer : network.layers) {
    reuse.push_back(layer.reuse);
    if (random.uniform() >= layers.success(layer)) synthesises = false;
    for (const Target target : summed) of(costs, target) += layers.cost(target, layer);
  }
  for (const Target target : summed) {
    of(costs, target) = std::round(of(costs, target) * std::exp(noise * random.normal()));
  }
  const Cycles cycles = chain_cycles(reuse);
  of(costs, Target::cycles) = number(cycles.worst);
  of(costs, Target::interval) = number(cycles.interval);
  sample.network = std::move(network);
  if (synthesises) sample.costs = costs;
  return sample;
}

int64_t draw_size(Random& random) {
  const double size = std::exp(random.uniform(std::log(8.0), std::log(128.0)));
  return std::clamp<int64_t>(4 * std::lround(size / 4), 8, 128);
}

}  // namespace

Cycles chain_cycles(std::span<const int64_t> reuse) {
  const auto layers = static_cast<int64_t>(reuse.size());
  const int64_t sum = std::accumulate(reuse.begin(), reuse.end(), int64_t{0});
  const int64_t best = sum + 2 * layers - 1;
  return {best, best + layers, layers == 1 ? sum : best};
}

std::unique_ptr<LayerModel> fit_layers(std::span<const Sample> samples) {
  return std::make_unique<FittedLayers>(samples);
}

std::unique_ptr<LayerModel> plain_layers() { return std::make_unique<PlainLayers>(); }

std::vector<Sample> make_chains(const LayerModel& layers, const ChainOptions& options) {
  Random random(options.seed);
  const auto exemplars = exemplar_sizes();
  std::vector<Sample> found;
  while (found.size() < options.count) {
    std::vector<int64_t> sizes(2 + random.below(6));
    for (int64_t& size : sizes) size = draw_size(random);
    const auto bits = static_cast<int64_t>(2 + random.below(15));
    const double reuse = std::exp2(random.uniform(3, 12));
    if (std::ranges::find(exemplars, sizes) != exemplars.end()) continue;
    found.push_back(
        synthesise(dense_chain(sizes, bits, std::lround(reuse)), layers, options.noise, random));
  }
  return found;
}

std::vector<std::vector<int64_t>> exemplar_sizes() {
  return {{16, 64, 32, 32, 5},          // jet tagging (Duarte et al. 2018)
          {64, 32, 16, 32, 64},         // an autoencoder
          {57, 32, 16, 3, 16, 32, 57},  // an anomaly detector's autoencoder with a bottleneck of 3
          {88, 16, 64}};                // a wide input, a narrow middle
}

std::vector<Sample> make_exemplars(const LayerModel& layers, uint64_t seed, double noise) {
  Random random(seed);
  std::vector<Sample> found;
  for (const std::vector<int64_t>& sizes : exemplar_sizes()) {
    for (int64_t bits = 2; bits <= 16; bits += 2) {
      for (int64_t reuse = 16; reuse <= 4096; reuse *= 2) {
        found.push_back(synthesise(dense_chain(sizes, bits, reuse), layers, noise, random));
      }
    }
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
