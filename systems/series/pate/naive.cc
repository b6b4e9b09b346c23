#include "systems/series/pate/naive.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

namespace betimes::systems::pate {
namespace {

struct Interval {
  int64_t a, b;                 // first and last point
  int64_t pre_start, post_end;  // of its buffers
};

struct Problem {
  std::span<const uint8_t> labels;
  std::vector<Interval> intervals;
  std::vector<int64_t> nearest;  // interval whose zone holds the point; -1 outside
};

double distance(const Interval& i, int64_t x) {
  const auto n = static_cast<double>(i.b - i.a + 1);
  const double middle = static_cast<double>(i.a + i.b) / 2;
  return x < i.a ? n * (middle - static_cast<double>(x)) : n * (static_cast<double>(x) - middle);
}

Problem make_problem(std::span<const uint8_t> labels, int64_t early, int64_t late) {
  const auto n = static_cast<int64_t>(labels.size());
  const auto label = [&](int64_t x) { return labels[static_cast<size_t>(x)] != 0; };
  Problem problem{labels, {}, std::vector<int64_t>(labels.size(), -1)};
  for (int64_t x = 0; x < n; ++x) {
    if (!label(x)) continue;
    int64_t end = x;
    while (end + 1 < n && label(end + 1)) ++end;
    problem.intervals.push_back({x, end, 0, 0});
    x = end;
  }
  std::vector<Interval>& all = problem.intervals;
  for (size_t k = 0; k < all.size(); ++k) {
    const int64_t next = k + 1 < all.size() ? all[k + 1].a : n;
    const int64_t taken = k > 0 ? all[k - 1].post_end : -1;
    all[k].post_end = std::min(all[k].b + late, next - 1);
    all[k].pre_start = std::max({int64_t{0}, all[k].a - early, taken + 1});
    for (int64_t x = all[k].pre_start; x <= all[k].post_end; ++x) {
      problem.nearest[static_cast<size_t>(x)] = static_cast<int64_t>(k);
    }
  }
  return problem;
}

double missed_weight(const Interval& i, int64_t first_run, int64_t x) {
  const int64_t limit = i.a + first_run;
  if (x <= limit) return 1;
  double distance_to_onset = 0, most = 0;
  for (int64_t u = i.a; u <= limit; ++u) distance_to_onset += static_cast<double>(std::abs(x - u));
  for (int64_t u = i.a; u <= i.b; ++u) most += static_cast<double>(std::abs(i.b - u));
  return most > 0 ? 1 - distance_to_onset / most : 1;
}

struct PrecisionRecall {
  double precision, recall;
};

double false_negatives(const Problem& problem, std::span<const uint8_t> alarms) {
  double sum = 0;
  for (const Interval& i : problem.intervals) {
    const auto alarm = [&](int64_t x) { return alarms[static_cast<size_t>(x)] != 0; };
    int64_t first = i.a;
    while (first <= i.b && !alarm(first)) ++first;
    int64_t run = 0;
    while (first + run <= i.b && alarm(first + run)) ++run;
    for (int64_t x = i.a; x <= i.b; ++x) {
      if (!alarm(x)) sum += run == 0 ? 1 : missed_weight(i, run, x);
    }
  }
  return sum;
}

PrecisionRecall judge_alarms(const Problem& problem, std::span<const uint8_t> alarms) {
  std::vector<bool> hit(problem.intervals.size());
  for (size_t k = 0; k < hit.size(); ++k) {
    const Interval& i = problem.intervals[k];
    for (int64_t x = i.a; x <= i.b; ++x) hit[k] = hit[k] || alarms[static_cast<size_t>(x)] != 0;
  }
  double tp = 0, fp = 0;
  for (size_t i = 0; i < alarms.size(); ++i) {
    if (alarms[i] == 0) continue;
    const auto x = static_cast<int64_t>(i);
    double w = 0;
    if (problem.nearest[i] >= 0) {
      const auto k = static_cast<size_t>(problem.nearest[i]);
      const Interval& near = problem.intervals[k];
      if (x < near.a) {
        w = hit[k] ? 1 - distance(near, x) / distance(near, near.pre_start) : 0;
      } else if (x <= near.b) {
        w = 1;
      } else {
        w = 1 - distance(near, x) / distance(near, near.post_end);
      }
    }
    tp += w;
    fp += 1 - w;
  }
  const double fn = false_negatives(problem, alarms);
  return {tp + fp > 0 ? tp / (tp + fp) : 0, tp + fn > 0 ? tp / (tp + fn) : 0};
}

std::vector<double> distinct_scores(std::span<const uint8_t> labels,
                                    std::span<const double> scores) {
  std::vector<double> distinct(scores.begin(), scores.end());
  std::ranges::sort(distinct, std::greater<>());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<int64_t> hits(distinct.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto at = std::ranges::lower_bound(distinct, scores[i], std::greater<>());
    hits[static_cast<size_t>(at - distinct.begin())] += labels[i];  // new ones at this score
  }
  std::vector<double> kept;
  for (size_t k = 0; k < distinct.size(); ++k) {
    const bool at_end = k == 0 || k + 1 == distinct.size();
    if (at_end || hits[k] > 0 || hits[k + 1] > 0) kept.push_back(distinct[k]);
  }
  return kept;
}

std::vector<double> choose_thresholds(std::vector<double> all, int64_t count) {
  if (count == 0) return all;
  std::vector<double> rising(all.rbegin(), all.rend());
  std::vector<double> chosen;
  for (int64_t i = 0; i < count; ++i) {
    const double down = static_cast<double>(i) * (-100.0 / static_cast<double>(count - 1));
    const double share = i == count - 1 ? 0 : (down + 100) / 100;
    const double at = share * static_cast<double>(rising.size() - 1);
    const auto below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, rising.size() - 1);
    const double t = at - static_cast<double>(below);
    const double gap = rising[above] - rising[below];
    chosen.push_back(t < 0.5 ? rising[below] + gap * t : rising[above] - gap * (1 - t));
  }
  return chosen;
}

double naive_curve(const Problem& problem, std::span<const double> scores,
                   std::span<const double> thresholds) {
  std::vector<PrecisionRecall> kept = {{1, 0}};
  std::vector<uint8_t> alarms(scores.size());
  for (const double threshold : thresholds) {
    for (size_t i = 0; i < scores.size(); ++i) alarms[i] = scores[i] >= threshold;
    const PrecisionRecall found = judge_alarms(problem, alarms);
    if (found.recall >= kept.back().recall) kept.push_back(found);
  }
  double area = 0;
  for (size_t i = 1; i < kept.size(); ++i) {
    area += (kept[i].recall - kept[i - 1].recall) * (kept[i].precision + kept[i - 1].precision) / 2;
  }
  return area;
}

/// Mean of `judge` over the grid of buffers.
template <class Judge>
double over_buffers(std::span<const uint8_t> labels, const Options& options, Judge judge) {
  double sum = 0, count = 0;
  for (int i = options.zero ? 0 : 1; i <= options.splits; ++i) {
    for (int j = options.zero ? 0 : 1; j <= options.splits; ++j) {
      sum += judge(make_problem(labels, options.early * i / options.splits,
                                options.late * j / options.splits));
      ++count;
    }
  }
  return sum / count;
}

}  // namespace

double naive_area(std::span<const uint8_t> labels, std::span<const double> scores,
                  const Options& options) {
  const std::vector<double> thresholds =
      choose_thresholds(distinct_scores(labels, scores), options.thresholds);
  return over_buffers(labels, options, [&](const Problem& problem) {
    return naive_curve(problem, scores, thresholds);
  });
}

double naive_f1(std::span<const uint8_t> labels, std::span<const uint8_t> alarms,
                const Options& options) {
  return over_buffers(labels, options, [&](const Problem& problem) {
    const auto [precision, recall] = judge_alarms(problem, alarms);
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0;
  });
}

}  // namespace betimes::systems::pate
