#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "betimes/base/random.h"
#include "betimes/base/statistics.h"
#include "systems/series/pate/naive.h"
#include "systems/series/pate/reproduce_parts.h"

namespace betimes::systems::pate {
namespace {

constexpr int64_t interval_length = 20;

struct Problem {
  std::vector<uint8_t> labels;
  std::vector<double> scores;
};

/// Intervals of 20 points, evenly apart; scores that know a little.
Problem make_problem(int64_t points, double ratio, uint64_t seed) {
  Random random(seed);
  Problem problem;
  const auto period = static_cast<int64_t>(std::lround(interval_length / ratio));
  for (int64_t i = 0; i < points; ++i) {
    const bool anomalous = i % period >= period / 2 && i % period < period / 2 + interval_length;
    problem.labels.push_back(anomalous);
    problem.scores.push_back(random.normal() + (anomalous ? 1 : 0));
  }
  return problem;
}

template <class F>
double seconds(F work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

struct Times {
  double naive = 0, incremental = 0, off = 0;
  double ratio() const { return naive / incremental; }
};

/// Both in turn: the definition once between halves of the incremental runs, so that drift falls on
/// both.
Times compare(const Problem& problem, const Options& options, int repeats) {
  std::vector<double> fast;
  std::vector<double> slow;
  double naive_value = 0;
  double value = 0;
  for (int i = 0; i < repeats; ++i) {
    for (int j = 0; j < 3; ++j) {
      fast.push_back(
          seconds([&] { value = Scorer(problem.labels, options).area(problem.scores); }));
    }
    slow.push_back(
        seconds([&] { naive_value = naive_area(problem.labels, problem.scores, options); }));
    for (int j = 0; j < 2; ++j) {
      fast.push_back(
          seconds([&] { value = Scorer(problem.labels, options).area(problem.scores); }));
    }
  }
  return {median(slow), median(fast), std::fabs(value - naive_value)};
}

}  // namespace

void reproduce_cost(system::Study& study) {
  std::vector<int64_t> sizes = {1'000, 10'000};
  if (!study.quick()) sizes.push_back(100'000);
  system::Table table{"Seconds to score one series, 4 pairs of buffers of 100", {}, {}};
  table.columns = {"points",      "anomalies",    "thresholds",        "by definition",
                   "incremental", "times faster", "largest difference"};
  system::Picture picture{
      "Time to score a series by all thresholds", "points", "seconds", true, true, {}};
  system::Series by_definition{"by definition", {}, {}, {}, {}, true};
  system::Series incremental{"incremental", {}, {}, {}, {}, true};
  double least = INFINITY;
  double least_of_few = INFINITY;
  double done = 0;
  for (const int64_t points : sizes) {
    for (const double ratio : {0.02, 0.05, 0.1}) {
      study.progress(0.65 + 0.035 * done++, "cost");
      const Problem problem = make_problem(points, ratio, study.seed());
      for (const int64_t thresholds : {int64_t{0}, int64_t{250}, int64_t{50}}) {
        Options options;
        options.thresholds = thresholds;
        const bool long_run = points == 100'000 && thresholds == 0;
        const Times times = compare(problem, options, long_run ? 1 : 3);
        table.rows.push_back({static_cast<double>(points), ratio,
                              thresholds == 0 ? system::Cell(std::string("all"))
                                              : system::Cell(static_cast<double>(thresholds)),
                              times.naive, times.incremental, times.ratio(), times.off});
        if (long_run) least = std::min(least, times.ratio());
        if (thresholds == 50) least_of_few = std::min(least_of_few, times.ratio());
        if (thresholds != 0 || ratio != 0.05) continue;
        for (system::Series* series : {&by_definition, &incremental}) {
          series->x.push_back(static_cast<double>(points));
          series->y.push_back(series == &incremental ? times.incremental : times.naive);
        }
      }
    }
  }
  picture.series = {std::move(by_definition), std::move(incremental)};
  study.table(std::move(table));
  study.picture(std::move(picture));
  study.note(
      fmt::format("Fewer thresholds make the definition cheaper, not the incremental evaluation: "
                  "with 50 it is {:.0f} "
                  "times faster at least.",
                  least_of_few));
  if (!study.quick()) {
    study.evidence("cost",
                   {least, {}, 3, "one run by the definition, median of 5 incremental ones"});
  }
}

}  // namespace betimes::systems::pate
