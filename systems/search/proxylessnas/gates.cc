#include "systems/search/proxylessnas/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::proxylessnas {
namespace {

void check_lengths(const Weights& a, const Weights& b) {
  if (a.size() == b.size() && !a.empty()) return;
  throw Error("architecture weights",
              fmt::format("are {}, with {} gradients or costs", a.size(), b.size()),
              "equally many, one at least");
}

}  // namespace

Weights softmax(const Weights& weights) {
  if (weights.empty()) throw Error("architecture weights", "are none");
  const double most = *std::max_element(weights.begin(), weights.end());
  Weights found;
  double sum = 0;
  for (const double weight : weights) sum += found.emplace_back(std::exp(weight - most));
  for (double& value : found) value /= sum;
  return found;
}

double entropy(const Weights& probabilities) {
  double sum = 0;
  for (const double p : probabilities) sum -= p > 0 ? p * std::log(p) : 0;
  return sum;
}

size_t draw(const Weights& probabilities, Random& random) {
  double rest = random.uniform() * std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  size_t last = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] <= 0) continue;
    last = i;
    rest -= probabilities[i];
    if (rest < 0) return i;
  }
  return last;  // rounding
}

Weights weight_gradient(const Weights& probabilities, const Weights& gate_gradient) {
  check_lengths(probabilities, gate_gradient);
  const double mean = expected(probabilities, gate_gradient);
  Weights found;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    found.push_back(probabilities[i] * (gate_gradient[i] - mean));
  }
  return found;
}

Pair draw_pair(const Weights& weights, Random& random) {
  if (weights.size() < 2) throw Error("architecture weights", "are too few for a pair", "2");
  Weights probabilities = softmax(weights);
  Pair pair;
  pair.active = draw(probabilities, random);
  probabilities[pair.active] = 0;
  pair.inactive = draw(probabilities, random);
  if (pair.inactive == pair.active) pair.inactive = pair.active == 0 ? 1 : 0;  // all mass on one
  if (random.uniform() >= pair_probabilities(weights, pair).first) {
    std::swap(pair.active, pair.inactive);
  }
  return pair;
}

std::pair<double, double> pair_probabilities(const Weights& weights, const Pair& pair) {
  const double first = 1 / (1 + std::exp(weights[pair.inactive] - weights[pair.active]));
  return {first, 1 - first};
}

void keep_mass(Weights& weights, const Weights& before, const Pair& pair) {
  check_lengths(weights, before);
  const auto log_mass = [&](const Weights& of) {
    const double most = std::max(of[pair.active], of[pair.inactive]);
    return most + std::log(std::exp(of[pair.active] - most) + std::exp(of[pair.inactive] - most));
  };
  const double gained = log_mass(weights) - log_mass(before);
  weights[pair.active] -= gained;
  weights[pair.inactive] -= gained;
}

double expected(const Weights& probabilities, const Weights& costs) {
  check_lengths(probabilities, costs);
  return std::inner_product(probabilities.begin(), probabilities.end(), costs.begin(), 0.0);
}

Weights expected_gradient(const Weights& probabilities, const Weights& costs) {
  return weight_gradient(probabilities, costs);
}

LatencyLoss::Value LatencyLoss::operator()(double cross_entropy, double expected_ms) const {
  if (form == Form::none) return {cross_entropy, 1, 0};
  if (!(expected_ms > 0) || !(reference_ms > 0)) {
    throw Error("latency", fmt::format("is {} ms against {} ms", expected_ms, reference_ms),
                "positive numbers");
  }
  if (form == Form::additive) {
    return {cross_entropy + strength * (expected_ms - reference_ms) / reference_ms, 1,
            strength / reference_ms};
  }
  constexpr double microseconds = 1000;
  const double log_expected = std::log(expected_ms * microseconds);
  const double log_reference = std::log(reference_ms * microseconds);
  if (!(log_expected > 0) || !(log_reference > 0)) {
    throw Error("latency", fmt::format("is {} ms against {} ms", expected_ms, reference_ms),
                "more than a microsecond, or the additive form");
  }
  const double factor = scale * std::pow(log_expected / log_reference, strength);
  return {factor * cross_entropy, factor,
          factor * cross_entropy * strength / (log_expected * expected_ms)};
}

void ReinforceBaseline::see(double mean_reward) {
  constexpr double share = 0.99;
  value_ = any_ ? value_ + share * (mean_reward - value_) : mean_reward;
  any_ = true;
}

Weights negative_log_gradient(const Weights& probabilities, size_t choice) {
  Weights found = probabilities;
  found.at(choice) -= 1;
  return found;
}

void PlainAdam::step(Weights& weights, const Weights& gradient, const std::vector<size_t>& which) {
  check_lengths(weights, gradient);
  constexpr double epsilon = 1e-8;
  squares_.resize(weights.size());
  steps_.resize(weights.size());
  const auto move = [&](size_t i) {
    squares_[i] = beta2_ * squares_[i] + (1 - beta2_) * gradient[i] * gradient[i];
    const double corrected = squares_[i] / (1 - std::pow(beta2_, ++steps_[i]));
    weights[i] -= rate_ * gradient[i] / (std::sqrt(corrected) + epsilon);
  };
  if (which.empty()) {
    for (size_t i = 0; i < weights.size(); ++i) move(i);
  } else {
    for (const size_t i : which) move(i);
  }
}

}  // namespace betimes::systems::proxylessnas
