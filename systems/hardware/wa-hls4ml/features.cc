#include "systems/hardware/wa-hls4ml/features.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr double least_deviation = 1e-6;  // of what is the same everywhere
constexpr double least_shifted = 1e-6;

std::array<double, numerics> numbers_of(const Layer& layer) {
  const std::array<int64_t, numerics> raw = {
      layer.in[0],     layer.in[1], layer.in[2],   layer.out[0], layer.out[1], layer.out[2],
      layer.precision, layer.reuse, layer.filters, layer.kernel, layer.stride, layer.pooling};
  std::array<double, numerics> found{};
  std::ranges::transform(raw, found.begin(), [](int64_t value) {
    return value == absent ? 0.0 : static_cast<double>(value);
  });
  return found;
}

template <class Category>
void one_hot(Category category, size_t count, std::vector<float>& row) {
  const size_t first = row.size();
  row.resize(first + count, 0.0f);
  row[first + static_cast<size_t>(category)] = 1;
}

/// Product of the extents that are there.
double extent(const std::array<int64_t, 3>& sizes) {
  double product = 1;
  for (const int64_t size : sizes) product *= size == absent ? 1 : static_cast<double>(size);
  return product;
}

double standard_or_one(double deviation) { return deviation < least_deviation ? 1 : deviation; }

}  // namespace

FeatureStats fit_features(std::span<const Sample> samples) {
  if (samples.empty()) throw Error("features", "of no networks");
  std::array<std::vector<double>, numerics> columns;
  for (const Sample& sample : samples) {
    for (const Layer& layer : sample.network.layers) {
      const auto numbers = numbers_of(layer);
      for (size_t i = 0; i < numerics; ++i) columns[i].push_back(numbers[i]);
    }
  }
  FeatureStats stats;
  for (size_t i = 0; i < numerics; ++i) {
    stats.mean[i] = mean(columns[i]);
    stats.deviation[i] = standard_or_one(standard_deviation(columns[i]));
  }
  return stats;
}

std::vector<float> layer_rows(const Network& network, const FeatureStats& stats) {
  std::vector<float> rows;
  for (const Layer& layer : network.layers) {
    const auto numbers = numbers_of(layer);
    for (size_t i = 0; i < numerics; ++i) {
      rows.push_back(static_cast<float>((numbers[i] - stats.mean[i]) / stats.deviation[i]));
    }
    one_hot(layer.type, 12, rows);
    one_hot(layer.activation, 6, rows);
    one_hot(layer.padding, 3, rows);
  }
  return rows;
}

std::array<float, context_width> context(const Network& network) {
  std::array<float, context_width> found{};
  found[static_cast<size_t>(network.strategy)] = 1;
  found[2 + static_cast<size_t>(network.io)] = 1;
  return found;
}

std::vector<float> average_row(const Network& network, const FeatureStats& stats) {
  const std::vector<float> rows = layer_rows(network, stats);
  std::vector<float> found(row_width);
  const auto layers = static_cast<float>(network.layers.size());
  for (size_t i = 0; i < rows.size(); ++i) found[i % row_width] += rows[i] / layers;
  for (const float each : context(network)) found.push_back(each);
  found.push_back(layers);
  return found;
}

std::array<double, log_width> log_row(const Network& network) {
  const double layers = static_cast<double>(network.layers.size());
  double in = 0, out = 0, reuse = 0, products = 0, multipliers = 0, most = 0, precision = 0;
  for (const Layer& layer : network.layers) {
    const double own_in = extent(layer.in), own_out = extent(layer.out);
    const double own_reuse = static_cast<double>(std::max<int64_t>(layer.reuse, 1));
    in += own_in / layers;
    out += own_out / layers;
    reuse += own_reuse / layers;
    products += own_in * own_out / layers;
    multipliers += own_in * own_out / own_reuse / layers;
    most = std::max(most, own_in * own_out / own_reuse);
    precision += static_cast<double>(layer.precision) / layers;
  }
  return {std::log(layers),
          std::log(in),
          std::log(out),
          std::log(reuse),
          std::log(products),
          std::log(multipliers),
          std::log(most),
          precision,
          static_cast<double>(network.strategy),
          static_cast<double>(network.io)};
}

const char* name(LabelScale scale) { return scale == LabelScale::log1p ? "log1p" : "shifted log"; }

std::array<float, targets> LabelStats::normalise(const Costs& costs) const {
  std::array<float, targets> found{};
  for (size_t i = 0; i < targets; ++i) {
    // A shift found where nothing was 0 doesn't help a network whose cost is.
    const double shifted = std::max(costs[i] + shift[i], least_shifted);
    found[i] = static_cast<float>((std::log(shifted) - mean[i]) / deviation[i]);
  }
  return found;
}

Costs LabelStats::restore(std::span<const float> normalised) const {
  Costs found{};
  for (size_t i = 0; i < targets; ++i) {
    const double value = std::exp(double{normalised[i]} * deviation[i] + mean[i]) - shift[i];
    found[i] = std::max(value, 0.0);
  }
  return found;
}

LabelStats fit_labels(std::span<const Sample> samples, LabelScale scale) {
  LabelStats stats;
  for (size_t i = 0; i < targets; ++i) {
    std::vector<double> values;
    for (const Sample& sample : samples) {
      if (sample.costs) values.push_back((*sample.costs)[i]);
    }
    if (values.empty()) throw Error("costs to learn", "of networks of which none synthesised");
    const double least = *std::ranges::min_element(values);
    stats.shift[i] = scale == LabelScale::log1p ? 1 : least <= 0 ? 1e-6 + std::abs(least) : 0;
    for (double& value : values) value = std::log(value + stats.shift[i]);
    stats.mean[i] = mean(values);
    stats.deviation[i] = standard_or_one(standard_deviation(values));
  }
  return stats;
}

}  // namespace betimes::systems::wa_hls4ml
