#include "systems/recommend/common/ranking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "betimes/base/error.h"

namespace betimes::systems::recommend {
namespace {

/// nan where there is one kind of label only.
double auc_or_nan(std::span<const float> scores, std::span<const float> labels) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  double positives = 0, ranks = 0;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double tied = 0;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
      tied += labels[order[end++]] > 0.5f;
    }
    ranks += tied * (static_cast<double>(begin + end) + 1) / 2;
    positives += tied;
    begin = end;
  }
  const double negatives = static_cast<double>(order.size()) - positives;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

void check(size_t scores, size_t labels) {
  if (scores != labels) throw Error("scores", "aren't as many as labels", std::to_string(labels));
}

}  // namespace

double auc(std::span<const float> scores, std::span<const float> labels) {
  check(scores.size(), labels.size());
  const double found = auc_or_nan(scores, labels);
  if (!std::isfinite(found)) throw Error("labels", "are of one kind only", "clicks and non-clicks");
  return found;
}

double grouped_auc(std::span<const float> scores, std::span<const float> labels,
                   std::span<const int32_t> users) {
  check(scores.size(), labels.size());
  check(users.size(), labels.size());
  std::map<int32_t, std::pair<std::vector<float>, std::vector<float>>> groups;
  for (size_t i = 0; i < scores.size(); ++i) {
    groups[users[i]].first.push_back(scores[i]);
    groups[users[i]].second.push_back(labels[i]);
  }
  double sum = 0, weight = 0;
  for (const auto& [user, group] : groups) {
    const double own = auc_or_nan(group.first, group.second);
    if (!std::isfinite(own)) continue;
    sum += own * static_cast<double>(group.first.size());
    weight += static_cast<double>(group.first.size());
  }
  if (weight == 0) throw Error("labels", "are of one kind only for every user");
  return sum / weight;
}

double log_loss(std::span<const float> probabilities, std::span<const float> labels) {
  check(probabilities.size(), labels.size());
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(double{probabilities[i]}, 1e-7, 1 - 1e-7);
    sum -= labels[i] > 0.5f ? std::log(p) : std::log(1 - p);
  }
  return sum / static_cast<double>(std::max<size_t>(labels.size(), 1));
}

}  // namespace betimes::systems::recommend
