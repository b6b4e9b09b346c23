#include "systems/series/pate/random_case.h"

#include <algorithm>

namespace betimes::systems::pate {
namespace {

std::vector<uint8_t> random_labels(size_t points, Random& random) {
  std::vector<uint8_t> labels(points);
  const double leave = random.uniform(0.02, 0.9);
  const double enter = random.uniform(0.02, 0.9);
  bool now = random.below(2) == 0;
  for (uint8_t& label : labels) {
    label = now;
    if (random.uniform() < (now ? leave : enter)) now = !now;
  }
  if (random.below(10) == 0) std::ranges::fill(labels, uint8_t{1});
  labels[random.below(points)] = 1;
  return labels;
}

std::vector<double> random_scores(const std::vector<uint8_t>& labels, Random& random) {
  const uint64_t levels = random.below(3) == 0 ? 1 + random.below(4) : 50;
  const double step = static_cast<double>(levels) / 2;
  std::vector<double> scores;
  double block = 0;
  for (const uint8_t label : labels) {
    if (scores.empty() || random.below(4) == 0) block = static_cast<double>(random.below(levels));
    const bool informed = random.below(3) == 0;
    scores.push_back(block + (informed && label == 1 ? step : 0));
  }
  return scores;
}

int64_t random_buffer(Random& random) {
  return static_cast<int64_t>(random.below(3) == 0 ? random.below(200) : random.below(12));
}

}  // namespace

Case random_case(Random& random) {
  Case made;
  made.labels = random_labels(1 + random.below(120), random);
  made.scores = random_scores(made.labels, random);
  const double threshold = made.scores[random.below(made.scores.size())];
  for (const double score : made.scores) made.alarms.push_back(score > threshold);
  made.options.early = random_buffer(random);
  made.options.late = random_buffer(random);
  made.options.splits = 1 + static_cast<int>(random.below(4));
  made.options.zero = random.below(2) == 0;
  made.options.thresholds = random.below(2) == 0 ? 0 : 2 + static_cast<int64_t>(random.below(20));
  return made;
}

}  // namespace betimes::systems::pate
