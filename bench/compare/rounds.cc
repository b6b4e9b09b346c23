#include "bench/compare/rounds.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "betimes/base/random.h"

namespace betimes::bench {
namespace {

constexpr int resamples = 2000;

void append(Milliseconds& all, const Milliseconds& some) {
  all.insert(all.end(), some.begin(), some.end());
}

/// Percentile bootstrap (Efron 1979) of a mean over rounds.
std::vector<double> resampled_means(const std::vector<double>& values, Random& random) {
  std::vector<double> means(resamples);
  for (double& each : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    each = sum / static_cast<double>(values.size());
  }
  return means;
}

Interval middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {std::exp(quantile_of_sorted(values, 0.025)), std::exp(quantile_of_sorted(values, 0.975))};
}

}  // namespace

Milliseconds time_each(const std::function<void()>& run, int64_t count) {
  using Clock = std::chrono::steady_clock;
  Milliseconds times(static_cast<size_t>(count));
  for (double& each : times) {
    const auto begin = Clock::now();
    run();
    each = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  }
  return times;
}

Rounds run_rounds(const Turn& ours, const Turn& theirs, const Effort& effort,
                  const std::function<void()>& after_theirs) {
  const double slower = std::max(median(ours(5)), median(theirs(5)));
  const auto count = static_cast<int64_t>(std::clamp(effort.turn_ms / slower, 3.0, 2000.0));
  const int64_t warm_up = std::max<int64_t>(1, count / 10);
  const auto pause = std::chrono::duration<double, std::milli>(effort.pause_ms);
  Random random(effort.seed);
  Rounds result;
  for (int round = 0; round < effort.rounds; ++round) {
    const bool ours_first = random.below(2) == 0;
    for (const bool our_turn : {ours_first, !ours_first}) {
      std::this_thread::sleep_for(pause);
      const Turn& turn = our_turn ? ours : theirs;
      turn(warm_up);
      const Milliseconds times = turn(count);
      append(our_turn ? result.ours : result.theirs, times);
      (our_turn ? result.our_medians : result.their_medians).push_back(median(times));
      if (!our_turn && after_theirs) after_theirs();
    }
  }
  return result;
}

Side summary(Milliseconds samples) {
  std::sort(samples.begin(), samples.end());
  return {quantile_of_sorted(samples, 0.5), quantile_of_sorted(samples, 0.99)};
}

std::vector<double> log_ratios(const Rounds& rounds, double call_ms) {
  std::vector<double> logs;
  for (size_t r = 0; r < rounds.our_medians.size(); ++r) {
    logs.push_back(std::log((rounds.their_medians[r] - call_ms) / rounds.our_medians[r]));
  }
  return logs;
}

MeanRatio mean_ratio(const std::vector<std::vector<double>>& log_ratios, uint64_t seed) {
  if (log_ratios.empty()) return {};
  Random random(seed);
  std::vector<double> totals(resamples, 0);
  double total = 0;
  const auto count = static_cast<double>(log_ratios.size());
  for (const std::vector<double>& each : log_ratios) {
    total += mean(each) / count;
    const auto means = resampled_means(each, random);
    for (size_t i = 0; i < totals.size(); ++i) totals[i] += means[i] / count;
  }
  return {std::exp(total), middle(std::move(totals))};
}

}  // namespace betimes::bench
