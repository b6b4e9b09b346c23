#include "systems/hardware/help/adapt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::help {
namespace {

std::vector<float> affine(const Layer& layer, std::span<const float> x) {
  std::vector<float> y = layer.bias;
  for (size_t i = 0; i < y.size(); ++i) {
    const float* row = layer.weight.data() + i * x.size();
    for (size_t j = 0; j < x.size(); ++j) y[i] += row[j] * x[j];
  }
  return y;
}

float softplus(float x) { return x > 20 ? x : std::log1p(std::exp(x)); }

/// weights -= steps * gradient
void step(const Predictor& predictor, const Network& gradient, Network& network) {
  const auto move = [&](std::vector<float>& values, const std::vector<float>& slopes,
                        const std::vector<float>* sizes) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] -= (sizes ? (*sizes)[i] : predictor.step) * slopes[i];
    }
  };
  const auto layers = network.layers();
  const auto slopes = gradient.layers();
  std::vector<const Layer*> sizes;
  if (predictor.steps) sizes = predictor.steps->layers();
  for (size_t i = 0; i < layers.size(); ++i) {
    move(layers[i]->weight, slopes[i]->weight, sizes.empty() ? nullptr : &sizes[i]->weight);
    move(layers[i]->bias, slopes[i]->bias, sizes.empty() ? nullptr : &sizes[i]->bias);
  }
}

void check_points(std::span<const float> predicted, std::span<const double> ms) {
  if (predicted.size() != ms.size() || ms.size() < 2) {
    throw Error(
        "milliseconds",
        fmt::format("there are {} predictions and {} measurements", predicted.size(), ms.size()),
        "as many of both, two at least");
  }
  const auto [low, high] = std::minmax_element(predicted.begin(), predicted.end());
  if (!(*low < *high)) throw Error("milliseconds", "all predictions of the support are the same");
}

}  // namespace

Network modulated(const Predictor& predictor, std::span<const float> embedding,
                  std::span<const float> noise) {
  Network network = predictor.network;
  if (predictor.modulator.empty()) return network;
  const int64_t width = network.head.front().in, size = modulation_size(width);
  if (static_cast<int64_t>(embedding.size()) != predictor.modulator[0].in ||
      static_cast<int64_t>(noise.size()) != size) {
    throw Error("modulator", fmt::format("was given {} references' latencies", embedding.size()),
                std::to_string(predictor.modulator[0].in));
  }
  std::vector<float> hidden = affine(predictor.modulator[0], embedding);
  for (float& each : hidden) each = std::max(each, 0.0f);
  const std::vector<float> statistics = affine(predictor.modulator[1], hidden);
  std::vector<float> z(static_cast<size_t>(size));
  for (size_t i = 0; i < z.size(); ++i) {
    z[i] = modulation_scale * (statistics[i] + softplus(statistics[i + z.size()]) * noise[i]);
  }
  for (size_t j = 0; j < network.head.size(); ++j) {
    Layer& layer = network.head[j];
    const float* factors = z.data() + j * static_cast<size_t>(width);
    for (size_t i = 0; i < layer.weight.size(); ++i) {
      layer.weight[i] *= 1 + factors[i % static_cast<size_t>(width)];
    }
    const float offset = z[static_cast<size_t>(modulated_layers * width) + j];
    for (float& bias : layer.bias) bias += offset;
  }
  return network;
}

Adapted::Adapted(const Predictor& predictor, std::span<const float> embedding,
                 const Encoded& support, std::span<const float> labels, const AdaptOptions& options)
    : embedding_(embedding.begin(), embedding.end()) {
  if (options.draws < 1 || options.inner_steps < 0) {
    throw Error("adapting", fmt::format("{} draws, {} steps", options.draws, options.inner_steps),
                "a draw at least");
  }
  Random random(options.seed);
  const bool draws_differ = !predictor.modulator.empty();
  std::vector<float> noise(
      draws_differ ? static_cast<size_t>(modulation_size(predictor.network.head.front().in)) : 0);
  for (int draw = 0; draw < (draws_differ ? options.draws : 1); ++draw) {
    for (float& each : noise) each = static_cast<float>(random.normal());
    Network network = modulated(predictor, embedding, noise);
    for (int i = 0; i < options.inner_steps; ++i) {
      step(predictor, slope(network, support, embedding, labels).gradient, network);
    }
    networks_.push_back(std::move(network));
  }
}

std::vector<float> Adapted::predict(const Encoded& architectures) const {
  std::vector<float> mean(architectures.count());
  for (const Network& network : networks_) {
    const std::vector<float> found = forward(network, architectures, embedding_);
    for (size_t i = 0; i < mean.size(); ++i) {
      mean[i] += found[i] / static_cast<float>(networks_.size());
    }
  }
  return mean;
}

Line match_ranges(std::span<const float> predicted, std::span<const double> ms) {
  check_points(predicted, ms);
  const auto [low, high] = std::minmax_element(predicted.begin(), predicted.end());
  const auto [least, most] = std::minmax_element(ms.begin(), ms.end());
  const double scale = (*most - *least) / (double{*high} - double{*low});
  return {scale, *least - scale * double{*low}};
}

Line least_squares(std::span<const float> predicted, std::span<const double> ms) {
  check_points(predicted, ms);
  const auto count = static_cast<double>(ms.size());
  double x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < ms.size(); ++i) {
    x += double{predicted[i]} / count;
    y += ms[i] / count;
  }
  for (size_t i = 0; i < ms.size(); ++i) {
    xx += (double{predicted[i]} - x) * (double{predicted[i]} - x);
    xy += (double{predicted[i]} - x) * (ms[i] - y);
  }
  return {xy / xx, y - xy / xx * x};
}

}  // namespace betimes::systems::help
