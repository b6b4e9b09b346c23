#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "systems/hardware/help/adapt.h"
#include "systems/hardware/help/device.h"

namespace betimes::systems::help {

/// How well the latencies of a device's held architectures are predicted.
struct Scored {
  double spearman = 0;
  /// Mean absolute error as a share of the mean latency, by match_ranges() and by least_squares().
  double error_by_range = 0, error_by_line = 0;
  /// Share of architectures rightly said to keep a budget or not (by line), over budgets at the
  /// quartiles.
  double right_decisions = 0;
  /// Share of predictions beyond the support's slowest or fastest: guesses.
  double extrapolated = 0;
  double adapt_seconds = 0;
};
Scored average(const std::vector<Scored>& all);

/// What is measured of a new device beside the references, and what scales the labels.
enum class Protocol {
  paper,      // random samples; the range of the device's whole pool, which a new one doesn't have
  own_range,  // random samples, which scale their labels themselves
  references  // nothing: the references are the samples
};

struct EvaluateOptions {
  AdaptOptions adapt;
  Protocol protocol = Protocol::paper;
  size_t samples = 10;  // of the pool, at random
  int supports = 5;     // so many draws of them
  uint64_t seed = 1;
};

/// Predictions of the held architectures on the labels' scale, and of the support.
struct Answers {
  std::vector<float> support, held;
};
/// What is asked: the support's architectures and labels.
using Answer = std::function<Answers(const std::vector<size_t>& support,
                                     const std::vector<float>& labels, uint64_t seed)>;

/// Of a regressor of any kind: mean over the supports. Throws Error for more samples than the pool
/// has.
Scored evaluate(const Answer& answer, const Device& device, const EvaluateOptions& options);
Scored evaluate(const Predictor& predictor, const Tables& tables, const Device& device,
                const EvaluateOptions& options);
/// Mean rank correlation over the devices.
double mean_spearman(const Predictor& predictor, const Tables& tables,
                     const std::vector<Device>& devices, const EvaluateOptions& options);

/// Rank correlation of multiply-accumulates with latency over the held architectures.
double macs_spearman(const Tables& tables, const Device& device);

/// `count` different ones of `values`, by the seed.
std::vector<size_t> draw(const std::vector<size_t>& values, size_t count, uint64_t seed);

}  // namespace betimes::systems::help
