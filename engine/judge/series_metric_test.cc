#include "betimes/judge/series_metric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/judge/series/metrics.h"

namespace betimes::judge {
namespace {

using Labels = std::vector<uint8_t>;
using Values = std::vector<double>;

// --- Naive references: by the definitions, one set of alarms at a time ---------------------------

struct Pair {
  double precision = 0, recall = 0;
  double f1() const {
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
  }
};

Values thresholds_of(const Values& scores) {
  const std::set<double, std::greater<>> distinct(scores.begin(), scores.end());
  return {distinct.begin(), distinct.end()};
}

Labels alarms_at(const Values& scores, double threshold) {
  Labels alarms;
  for (const double s : scores) alarms.push_back(s >= threshold);
  return alarms;
}

double best(const Labels& labels, const Values& scores,
            const std::function<Pair(const Labels&, const Labels&)>& judge) {
  Values thresholds = thresholds_of(scores);
  if (thresholds.size() > 1) thresholds.pop_back();
  double found = 0;
  for (const double t : thresholds)
    found = std::max(found, judge(labels, alarms_at(scores, t)).f1());
  return found;
}

Pair points(const Labels& labels, const Labels& alarms) {
  double tp = 0, fp = 0, fn = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    tp += labels[i] && alarms[i];
    fp += !labels[i] && alarms[i];
    fn += labels[i] && !alarms[i];
  }
  return {tp + fp > 0 ? tp / (tp + fp) : 0, tp + fn > 0 ? tp / (tp + fn) : 0};
}

Pair adjusted(const Labels& labels, Labels alarms) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i] || !alarms[i]) continue;
    for (size_t j = i; labels[j]; --j) {
      alarms[j] = 1;
      if (j == 0) break;
    }
    for (size_t j = i; j < labels.size() && labels[j]; ++j) alarms[j] = 1;
  }
  return points(labels, alarms);
}

using Ranges = std::vector<std::pair<int, int>>;  // [first, last]

Ranges ranges_of(const Labels& x) {
  Ranges found;
  const int n = static_cast<int>(x.size());
  for (int i = 0; i < n; ++i) {
    if (!x[static_cast<size_t>(i)]) continue;
    int j = i;
    while (j + 1 < n && x[static_cast<size_t>(j + 1)]) ++j;
    found.emplace_back(i, j);
    i = j;
  }
  return found;
}

/// Mean worth of the ranges `of` by what the ranges `by` overlap of them.
double range_mean(const Ranges& of, const Ranges& by, double existence, bool reciprocal) {
  if (of.empty()) return 0;
  double sum = 0;
  for (const auto& [a, b] : of) {
    int others = 0, overlap = 0;
    for (const auto& [c, d] : by) {
      const int common = std::min(b, d) - std::max(a, c) + 1;
      if (common > 0) ++others, overlap += common;
    }
    if (others == 0) continue;
    const double gamma = reciprocal ? 1.0 / others : 1.0;
    sum += existence + (1 - existence) * gamma * overlap / (b - a + 1);
  }
  return sum / static_cast<double>(of.size());
}

Pair by_ranges(const Labels& labels, const Labels& alarms, const RangeOptions& o) {
  const Ranges truths = ranges_of(labels), predicted = ranges_of(alarms);
  return {range_mean(predicted, truths, o.precision_existence, o.reciprocal),
          range_mean(truths, predicted, o.recall_existence, o.reciprocal)};
}

/// Every kink of the integrands lies at a multiple of a quarter, so that the midpoint rule over
/// quarters is exact.
Pair affiliated(const Labels& labels, const Labels& alarms) {
  const Ranges truths = ranges_of(labels), predicted = ranges_of(alarms);
  const double n = static_cast<double>(labels.size());
  double precisions = 0, recalls = 0, alarmed = 0;
  for (size_t k = 0; k < truths.size(); ++k) {
    const double a = truths[k].first, b = truths[k].second + 1;
    const double low = k == 0 ? 0 : (truths[k - 1].second + 1 + a) / 2;
    const double high = k + 1 == truths.size() ? n : (b + truths[k + 1].first) / 2;
    std::vector<std::pair<double, double>> pieces;
    for (const auto& [c, d] : predicted) {
      if (std::min(d + 1.0, high) > std::max<double>(c, low)) {
        pieces.emplace_back(std::max<double>(c, low), std::min(d + 1.0, high));
      }
    }
    if (pieces.empty()) continue;
    ++alarmed;
    double near = 0, length = 0, recalled = 0;
    for (double x = low + 0.125; x < high; x += 0.25) {
      double to_truth = x < a ? a - x : (x > b ? x - b : 0);
      double to_alarm = INFINITY;
      for (const auto& [c, d] : pieces) {
        to_alarm = std::min(to_alarm, x < c ? c - x : (x > d ? x - d : 0));
      }
      if (to_alarm == 0) {
        const double nearer = std::min(high, b + to_truth) - std::max(low, a - to_truth);
        near += 0.25 * (to_truth == 0 ? 1 : 1 - nearer / (high - low));
        length += 0.25;
      }
      if (to_truth == 0) {
        const double nearer = std::min(high, x + to_alarm) - std::max(low, x - to_alarm);
        recalled += 0.25 * (1 - nearer / (high - low));
      }
    }
    precisions += near / length;
    recalls += recalled / (b - a);
  }
  return {alarmed > 0 ? precisions / alarmed : 0, recalls / static_cast<double>(truths.size())};
}

double roc_by_pairs(const Labels& labels, const Values& scores) {
  double won = 0, pairs = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t j = 0; j < labels.size(); ++j) {
      if (!labels[i] || labels[j]) continue;
      ++pairs;
      won += scores[i] > scores[j] ? 1 : (scores[i] == scores[j] ? 0.5 : 0);
    }
  }
  return won / pairs;
}

double pr_area(const Labels& labels, const Values& scores, bool trapezoids) {
  double area = 0;
  Pair before{1, 0};
  for (const double t : thresholds_of(scores)) {
    const Pair now = points(labels, alarms_at(scores, t));
    const double height = trapezoids ? (now.precision + before.precision) / 2 : now.precision;
    area += (now.recall - before.recall) * height;
    before = now;
  }
  return area;
}

/// ROC and PR areas of one tolerance window.
std::pair<double, double> softened(const Labels& labels, const Values& scores, int window) {
  const int n = static_cast<int>(labels.size());
  const Ranges truths = ranges_of(labels);
  Values worth(labels.size());
  for (int i = 0; i < n; ++i) {
    for (const auto& [a, b] : truths) {
      const int d = i < a ? a - i : (i > b ? i - b : 0);
      if (d == 0) worth[static_cast<size_t>(i)] += 1;
      if (d > 0 && 2 * d <= window) {
        worth[static_cast<size_t>(i)] += std::sqrt(1 - static_cast<double>(d) / window);
      }
    }
    worth[static_cast<size_t>(i)] = std::min(1.0, worth[static_cast<size_t>(i)]);
  }
  Labels soft_labels;
  for (const double w : worth) soft_labels.push_back(w > 0);
  const Ranges soft = ranges_of(soft_labels);
  double sum = 0, hard = 0;
  for (size_t i = 0; i < labels.size(); ++i) sum += worth[i], hard += labels[i];
  const double p = (sum + hard) / 2;
  std::vector<std::pair<double, double>> roc = {{0, 0}};  // fall-out, recall
  double pr = 0;
  double precision_before = 1;
  for (const double t : thresholds_of(scores)) {
    const Labels alarms = alarms_at(scores, t);
    double tp = 0, all = 0, touched = 0;
    for (size_t i = 0; i < labels.size(); ++i) tp += worth[i] * alarms[i], all += alarms[i];
    for (const auto& [a, b] : soft) {
      touched += std::any_of(alarms.begin() + a, alarms.begin() + b + 1,
                             [](uint8_t alarm) { return alarm != 0; });
    }
    const double recall = std::min(1.0, tp / p) * touched / static_cast<double>(soft.size());
    pr += (recall - roc.back().second) * (tp / all + precision_before) / 2;
    precision_before = tp / all;
    roc.emplace_back((all - tp) / (n - p), recall);
  }
  roc.emplace_back(1, 1);
  double area = 0;
  for (size_t i = 1; i < roc.size(); ++i) {
    area += (roc[i].first - roc[i - 1].first) * (roc[i].second + roc[i - 1].second) / 2;
  }
  return {area, pr};
}

std::pair<double, double> volumes(const Labels& labels, const Values& scores,
                                  const SeriesOptions& options) {
  std::pair<double, double> sum{0, 0};
  const int widest = static_cast<int>(options.early + options.late);
  for (int window = 0; window <= widest; ++window) {
    const auto areas = softened(labels, scores, window);
    sum.first += areas.first / (widest + 1);
    sum.second += areas.second / (widest + 1);
  }
  return sum;
}

// --- Cases ---------------------------------------------------------------------------------------

struct Example {
  Labels labels;
  Values scores;
};

/// One to a hundred points; runs of labels and scores of all kinds: adjacent and at the edges,
/// ties, constant, huge and tiny.
Example random_example(Random& random) {
  const size_t n = 1 + random.below(100);
  Example e{Labels(n), Values(n)};
  const double flip = random.uniform(0.02, 0.9);
  uint8_t now = static_cast<uint8_t>(random.below(2));
  for (uint8_t& label : e.labels) {
    label = now;
    if (random.uniform() < flip) now = !now;
  }
  if (random.below(8) == 0) std::ranges::fill(e.labels, uint8_t{1});
  e.labels[random.below(n)] = 1;
  const uint64_t levels = random.below(3) == 0 ? 1 + random.below(4) : 1000;
  const double scale = random.below(4) == 0 ? 1e12 : 1e-3;
  for (size_t i = 0; i < n; ++i) {
    const double noise = static_cast<double>(random.below(levels));
    e.scores[i] =
        scale * (noise + (random.below(2) ? 0.5 * static_cast<double>(levels) * e.labels[i] : 0.0));
  }
  return e;
}

class SeriesMetrics : public ::testing::Test {
 protected:
  static void expect_same(const SeriesMetric& metric,
                          const std::function<double(const Example&)>& naive, int cases = 400) {
    Random random(7);
    const SeriesOptions options{3, 5};
    for (int i = 0; i < cases; ++i) {
      const Example e = random_example(random);
      if (std::ranges::count(e.labels, uint8_t{0}) == 0 && metric.name().ends_with("roc")) continue;
      if (std::ranges::count(e.labels, uint8_t{0}) == 0 && metric.name() == "roc-auc") continue;
      const double found = metric.score(e.labels, e.scores, options);
      ASSERT_NEAR(found, naive(e), 1e-9) << metric.name() << ", case " << i;
      ASSERT_GE(found, 0) << metric.name();
      ASSERT_LE(found, 1) << metric.name();
    }
  }
};

TEST_F(SeriesMetrics, PointF1IsWhatEveryThresholdGives) {
  expect_same(PointF1(), [](const Example& e) { return best(e.labels, e.scores, points); });
}

TEST_F(SeriesMetrics, PointAdjustedF1IsWhatEveryThresholdGives) {
  expect_same(PointAdjustedF1(),
              [](const Example& e) { return best(e.labels, e.scores, adjusted); });
}

TEST_F(SeriesMetrics, RangeF1IsWhatEveryThresholdGives) {
  for (const RangeOptions& options : {RangeOptions{}, RangeOptions{0.5, 0.3, true},
                                      RangeOptions{0, 0, false}, RangeOptions{0.2, 0.2, false}}) {
    expect_same(RangeF1(options), [&](const Example& e) {
      return best(e.labels, e.scores,
                  [&](const Labels& l, const Labels& a) { return by_ranges(l, a, options); });
    });
  }
}

TEST_F(SeriesMetrics, AffiliationF1IsWhatIntegrationGives) {
  expect_same(
      AffiliationF1(), [](const Example& e) { return best(e.labels, e.scores, affiliated); }, 200);
}

TEST_F(SeriesMetrics, RocAucIsTheShareOfPairsInOrder) {
  expect_same(RocAuc(), [](const Example& e) { return roc_by_pairs(e.labels, e.scores); });
}

TEST_F(SeriesMetrics, PrecisionRecallAreasAreWhatEveryThresholdGives) {
  expect_same(PrAuc(), [](const Example& e) { return pr_area(e.labels, e.scores, true); });
  expect_same(AveragePrecision(),
              [](const Example& e) { return pr_area(e.labels, e.scores, false); });
}

TEST_F(SeriesMetrics, VolumesAreWhatEveryWindowAndThresholdGives) {
  const SeriesOptions options{3, 5};
  expect_same(
      VusRoc(), [&](const Example& e) { return volumes(e.labels, e.scores, options).first; }, 150);
  expect_same(
      VusPr(), [&](const Example& e) { return volumes(e.labels, e.scores, options).second; }, 150);
}

/// The scenario S2 of the PATE paper: interval 40..59 of 500 points, alarms at 30..49. Expected:
/// the figures that the public README gives for each metric, rounded to two decimals there.
TEST_F(SeriesMetrics, AgreeWithPublishedFigures) {
  Labels labels(500);
  Values scores(500);
  for (size_t i = 40; i < 60; ++i) labels[i] = 1;
  for (size_t i = 30; i < 50; ++i) scores[i] = 1;
  const SeriesOptions options{20, 20};
  const auto expect = [&](const SeriesMetric& metric, double published) {
    EXPECT_NEAR(metric.score(labels, scores, options), published, 0.0051) << metric.name();
  };
  expect(PointF1(), 0.50);
  expect(PointAdjustedF1(), 0.80);
  expect(RangeF1({0.2, 0.2, false}), 0.60);
  expect(AffiliationF1(), 0.98);
  expect(RocAuc(), 0.74);
  expect(PrAuc(), 0.51);
  expect(VusRoc(), 0.79);
  expect(VusPr(), 0.72);
}

TEST_F(SeriesMetrics, APerfectDetectorHasOneByAll) {
  const Labels labels = {0, 0, 1, 1, 0, 1, 0, 0, 0, 1};
  const Values scores(labels.begin(), labels.end());
  for (const auto& metric : series_metrics()) {
    const bool tolerant = metric->name().starts_with("vus");  // rewards alarms around, too
    EXPECT_NEAR(metric->score(labels, scores, {0, 0}), 1, 1e-12) << metric->name();
    EXPECT_GT(metric->score(labels, scores, {2, 2}), tolerant ? 0.5 : 0.999) << metric->name();
  }
}

TEST_F(SeriesMetrics, NamesAreDifferentAndSummariesThere) {
  std::set<std::string> names;
  for (const auto& metric : series_metrics()) {
    EXPECT_TRUE(names.insert(metric->name()).second) << metric->name();
    EXPECT_FALSE(metric->summary().empty());
  }
  EXPECT_EQ(names.size(), 9u);
}

std::string refusal(const SeriesMetric& metric, const Labels& labels, const Values& scores) {
  try {
    metric.score(labels, scores, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST_F(SeriesMetrics, RefuseWhatHasNoAnswer) {
  for (const auto& metric : series_metrics()) {
    const auto expect = [&](const Labels& labels, const Values& scores, const char* part) {
      EXPECT_NE(refusal(*metric, labels, scores).find(part), std::string::npos)
          << metric->name() << ": " << refusal(*metric, labels, scores);
    };
    expect({}, {}, "labels: are empty");
    expect({0, 1}, {1}, "scores: are 1 (expected 2");
    expect({0, 0}, {1, 2}, "no anomaly");
    expect({0, 1}, {1, NAN}, "point 1 isn't finite");
    expect({0, 1}, {-INFINITY, 1}, "point 0 isn't finite");
    expect({0, 2}, {1, 2}, "point 1 is 2");
  }
  EXPECT_NE(refusal(RocAuc(), {1, 1}, {1, 2}).find("no normal point"), std::string::npos);
  EXPECT_NE(refusal(VusRoc(), {1, 1}, {1, 2}).find("no normal point"), std::string::npos);
}

TEST(Stretches, AreTheMaximalRuns) {
  EXPECT_EQ(stretches(Labels{}), std::vector<Stretch>{});
  EXPECT_EQ(stretches(Labels{1, 1, 0, 1}), (std::vector<Stretch>{{0, 1}, {3, 3}}));
  EXPECT_EQ(stretches(Labels{0, 1, 0}), (std::vector<Stretch>{{1, 1}}));
}

}  // namespace
}  // namespace betimes::judge
