#include "systems/search/interlayer-ptq/ordering.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::systems::interlayer_ptq {
namespace {

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The layers of `order` that `bits` has at the precision just above the one in question.
std::vector<size_t> candidates(const std::vector<size_t>& order, const Configuration& bits,
                               int above) {
  std::vector<size_t> found;
  for (const size_t layer : order) {
    if (bits[layer] == above) found.push_back(layer);
  }
  return found;
}

Configuration lowered(Configuration bits, const std::vector<size_t>& layers, size_t count, int to) {
  for (size_t i = 0; i < count; ++i) bits[layers[i]] = to;
  return bits;
}

void check(const std::vector<int>& precisions, const std::vector<std::vector<size_t>>& orders) {
  if (precisions.size() != orders.size()) {
    throw Error("interlayer-ptq", "needs an order for every precision");
  }
  for (const int bits : precisions) {
    if (bits != 16 && (bits < 2 || bits > 8)) {
      throw Error("interlayer-ptq", "has no precision of " + std::to_string(bits) + " bits",
                  "2 to 8, or 16");
    }
  }
}

}  // namespace

Interactions measure_interactions(size_t layers, size_t reach,
                                  const std::vector<std::pair<size_t, size_t>>& partners,
                                  const SetLoss& loss,
                                  const std::function<void(double)>& progress) {
  Interactions found;
  found.between.assign(layers, std::vector<double>(layers, 0.0));
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t l = 0; l < layers; ++l) {
    for (size_t m = l + 1; m < layers; ++m) {
      const bool partner =
          std::find(partners.begin(), partners.end(), std::pair(l, m)) != partners.end();
      if (m - l <= reach || partner) pairs.emplace_back(l, m);
    }
  }
  const auto all = static_cast<double>(layers + pairs.size());
  const auto evaluate = [&](const std::vector<size_t>& set) {
    if (progress) progress(static_cast<double>(found.evaluations) / all);
    ++found.evaluations;
    return loss(set);
  };
  for (size_t l = 0; l < layers; ++l) found.alone.push_back(evaluate({l}));
  for (const auto& [l, m] : pairs) {
    found.between[l][m] = found.between[m][l] = evaluate({l, m}) - found.alone[l] - found.alone[m];
  }
  return found;
}

std::vector<double> augmentation(const Interactions& interactions) {
  std::vector<double> sums;
  for (const std::vector<double>& row : interactions.between) {
    double sum = 0;
    for (const double interaction : row) sum += std::max(0.0, interaction);
    sums.push_back(sum);
  }
  return sums;
}

std::vector<double> augmented_scores(const std::vector<double>& errors,
                                     const std::vector<double>& augmentations, double lambda) {
  std::vector<double> own = errors;
  for (double& error : own) error = std::max(0.0, error);
  const double error_scale = mean_of(own), augmentation_scale = mean_of(augmentations);
  std::vector<double> scores;
  for (size_t l = 0; l < own.size(); ++l) {
    double score = error_scale > 0 ? own[l] / error_scale : 0;
    if (augmentation_scale > 0) score += lambda * augmentations[l] / augmentation_scale;
    scores.push_back(score);
  }
  return scores;
}

std::vector<size_t> order_by(const std::vector<double>& scores,
                             const std::vector<int64_t>& parameters) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (scores[a] != scores[b]) return scores[a] < scores[b];
    if (parameters[a] != parameters[b]) return parameters[a] < parameters[b];
    return a < b;
  });
  return order;
}

Found bisect(const std::vector<int>& precisions, const std::vector<std::vector<size_t>>& orders,
             const std::function<double(const Configuration&)>& quality, double target,
             int full_bits) {
  check(precisions, orders);
  Found found;
  const size_t layers = orders.empty() ? 0 : orders[0].size();
  found.bits.assign(layers, full_bits);
  const auto evaluate = [&](const Configuration& bits) {
    ++found.evaluations;
    return quality(bits);
  };
  found.quality = evaluate(found.bits);
  int above = full_bits;
  for (size_t p = 0; p < precisions.size(); ++p) {
    const std::vector<size_t> ready = candidates(orders[p], found.bits, above);
    size_t low = 0, high = ready.size();
    while (low < high) {
      const size_t k = (low + high + 1) / 2;
      if (evaluate(lowered(found.bits, ready, k, precisions[p])) >= target) {
        low = k;
      } else {
        high = k - 1;
      }
    }
    for (;; --low) {
      const Configuration bits = lowered(found.bits, ready, low, precisions[p]);
      const double reached = low == 0 ? found.quality : evaluate(bits);
      if (low > 0 && reached < target) continue;
      found.bits = bits;
      found.quality = reached;
      break;
    }
    above = precisions[p];
  }
  return found;
}

Found greedy(const std::vector<int>& precisions, const std::vector<std::vector<size_t>>& orders,
             const std::function<double(const Configuration&)>& quality, double target,
             int full_bits) {
  check(precisions, orders);
  Found found;
  const size_t layers = orders.empty() ? 0 : orders[0].size();
  found.bits.assign(layers, full_bits);
  found.quality = quality(found.bits);
  found.evaluations = 1;
  int above = full_bits;
  for (size_t p = 0; p < precisions.size(); ++p) {
    for (const size_t layer : candidates(orders[p], found.bits, above)) {
      Configuration bits = found.bits;
      bits[layer] = precisions[p];
      const double reached = quality(bits);
      ++found.evaluations;
      if (reached < target) continue;
      found.bits = bits;
      found.quality = reached;
    }
    above = precisions[p];
  }
  return found;
}

Found exhaustive(size_t layers, const std::vector<int>& precisions,
                 const std::function<double(const Configuration&)>& quality,
                 const std::function<double(const Configuration&)>& cost, double target,
                 int full_bits) {
  constexpr size_t most = 12;
  if (layers > most) {
    throw Error("interlayer-ptq", "can't try all settings of " + std::to_string(layers) + " layers",
                "at most " + std::to_string(most));
  }
  std::vector<int> choices = {full_bits};
  choices.insert(choices.end(), precisions.begin(), precisions.end());
  Found best;
  double least = std::numeric_limits<double>::infinity();
  Configuration bits(layers, full_bits);
  std::vector<size_t> digits(layers, 0);
  while (true) {
    for (size_t l = 0; l < layers; ++l) bits[l] = choices[digits[l]];
    const double price = cost(bits);
    if (price < least) {
      const double reached = quality(bits);
      ++best.evaluations;
      if (reached >= target) {
        least = price;
        best.bits = bits;
        best.quality = reached;
      }
    }
    size_t l = 0;
    while (l < layers && ++digits[l] == choices.size()) digits[l++] = 0;
    if (l == layers) return best;
  }
}

}  // namespace betimes::systems::interlayer_ptq
