#include "betimes/measure/latency.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "betimes/measure/detail/drift.h"

namespace betimes::measure {
namespace {

Options quick() {
  Options options;
  options.min_seconds = 0;
  return options;
}

std::vector<double> ramp(int count) {
  std::vector<double> samples(static_cast<size_t>(count));
  std::iota(samples.begin(), samples.end(), 1.0);
  return samples;
}

TEST(Summarize, PercentilesAndIntervalsAreOrderStatistics) {
  const Latency latency = summarize(ramp(1000));
  EXPECT_EQ(latency.runs, 1000);
  EXPECT_EQ(latency.p50.value, 500);
  EXPECT_EQ(latency.p90.value, 900);
  EXPECT_EQ(latency.p99.value, 990);
  EXPECT_EQ(latency.asked.value, 990);
  EXPECT_EQ(latency.mean_ms, 500.5);
  const OrderRanks ranks = quantile_ranks(1000, 0.99, 0.95);
  EXPECT_EQ(latency.p99.low, static_cast<double>(ranks.low));
  EXPECT_EQ(latency.p99.high, static_cast<double>(ranks.high));
  EXPECT_GT(latency.p99.bound, latency.p99.value);
  EXPECT_TRUE(latency.valid);
  EXPECT_EQ(latency.invalid_reason, "");
}

TEST(Summarize, TooFewRunsSayHowManyMore) {
  const Latency latency = summarize(ramp(100));
  EXPECT_TRUE(latency.p50.valid);
  EXPECT_TRUE(latency.p90.valid);
  EXPECT_FALSE(latency.p99.valid);
  EXPECT_EQ(latency.p99.more_runs, 562);
  EXPECT_EQ(latency.p99.bound, 0);
  EXPECT_FALSE(latency.valid);
  EXPECT_NE(latency.invalid_reason.find("p99 needs 562 more runs"), std::string::npos)
      << latency.invalid_reason;
  EXPECT_NE(latency.invalid_reason.find("662 needed"), std::string::npos);
}

TEST(Summarize, NothingIsNotValid) {
  const Latency latency = summarize({});
  EXPECT_EQ(latency.runs, 0);
  EXPECT_FALSE(latency.valid);
}

TEST(Measure, RunsAsOftenAsThePercentileNeeds) {
  int64_t calls = 0;
  Options options = quick();
  options.percentile = 0.99;
  const Latency latency = measure([&] { ++calls; }, options);
  EXPECT_EQ(latency.runs, 662);
  EXPECT_TRUE(latency.valid);
  EXPECT_EQ(calls, 1 + latency.warmup_runs + latency.runs);
  EXPECT_EQ(latency.samples_ms.size(), 662u);

  options.percentile = 0.9;
  EXPECT_EQ(measure([] {}, options).runs, 64);
}

TEST(Measure, RunLimitMakesItInvalidAndSaysSo) {
  Options options = quick();
  options.max_runs = 100;
  const Latency latency = measure([] {}, options);
  EXPECT_EQ(latency.runs, 100);
  EXPECT_FALSE(latency.valid);
  EXPECT_EQ(latency.p99.more_runs, 562);
}

TEST(Measure, TimeLimitEndsIt) {
  Options options;
  options.max_seconds = 0.1;
  const Latency latency =
      measure([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }, options);
  EXPECT_GE(latency.runs, 1);
  EXPECT_LT(latency.runs, 100);
  EXPECT_FALSE(latency.valid);
  EXPECT_GE(latency.p50.value, 2);
}

TEST(Measure, FirstRunStandsApart) {
  bool first = true;
  const Latency latency = measure(
      [&] {
        if (first) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        first = false;
      },
      quick());
  EXPECT_GE(latency.first_ms, 20);
  EXPECT_LT(latency.p50.value, 20);
}

TEST(DriftWatch, WindowsThatBecomeQuickerAreDrift) {
  detail::DriftWatch watch;
  for (double ms = 4; ms > 1; ms *= 0.97) EXPECT_FALSE(watch.stopped({ms, ms, ms})) << ms;
  // The third window that agrees ends it, not the first.
  EXPECT_FALSE(watch.stopped({0.90, 0.90, 0.90}));
  EXPECT_FALSE(watch.stopped({0.91, 0.90, 0.90}));
  EXPECT_TRUE(watch.stopped({0.90, 0.90, 0.91}));
  EXPECT_DOUBLE_EQ(watch.median(), 0.90);
}

TEST(DriftWatch, WhatScatterExplainsIsNoDrift) {
  detail::DriftWatch watch;
  EXPECT_FALSE(watch.stopped({1.0, 2.0, 3.0, 4.0}));
  EXPECT_FALSE(watch.stopped({1.3, 2.2, 3.2, 4.1}));
  EXPECT_TRUE(watch.stopped({0.9, 2.1, 2.9, 3.9}));
  EXPECT_FALSE(watch.stopped({9.0, 9.1, 9.1, 9.2}));
}

TEST(Measure, InterleavedAlternativesShareTheMachine) {
  std::vector<char> trace;
  Options options = quick();
  options.percentile = 0.9;
  options.turn = 4;
  const auto results = measure_interleaved(
      {[&] { trace.push_back('a'); }, [&] { trace.push_back('b'); }}, options, 1);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].runs, 64);
  EXPECT_EQ(results[1].runs, 64);
  // 64 samples in turns of one discarded and three sampled: 22 turns each, alternating or not.
  const std::string tail(trace.end() - 80, trace.end());
  int changes = 0;
  for (size_t i = 1; i < tail.size(); ++i) changes += tail[i] != tail[i - 1];
  EXPECT_GE(changes, 5);
  EXPECT_LE(changes, 20);
}

TEST(Measure, NothingToInterleave) { EXPECT_TRUE(measure_interleaved({}, {}, 1).empty()); }

TEST(Measure, ReportsProgress) {
  Options options;
  options.max_seconds = 0.5;
  std::vector<double> fractions;
  options.progress = [&](double fraction) { fractions.push_back(fraction); };
  measure([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }, options);
  ASSERT_FALSE(fractions.empty());
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_LE(fractions.back(), 1);
}

TEST(Measure, SenselessOptionsAreErrors) {
  const auto with = [](auto change) {
    Options options = quick();
    change(options);
    return options;
  };
  const auto run = [] {};
  EXPECT_THROW(measure(run, with([](Options& o) { o.percentile = 1; })), Error);
  EXPECT_THROW(measure(run, with([](Options& o) { o.confidence = 0; })), Error);
  EXPECT_THROW(measure(run, with([](Options& o) { o.interval_level = 2; })), Error);
  EXPECT_THROW(measure(run, with([](Options& o) { o.max_seconds = 0; })), Error);
  EXPECT_THROW(measure(run, with([](Options& o) { o.max_runs = 0; })), Error);
}

TEST(Measure, ExceptionsOfTheRunPass) {
  EXPECT_THROW(measure([] { throw Error("x", "y"); }), Error);
}

TEST(PercentileName, RoundTrip) {
  for (const char* text : {"p50", "p90", "p99", "p99.9", "p99.99"}) {
    EXPECT_EQ(percentile_name(parse_percentile(text)), text);
  }
  EXPECT_EQ(parse_percentile("95"), 0.95);
  for (const char* text : {"", "p", "p0", "p100", "99%", "p-1", "pp5", "nan"}) {
    EXPECT_THROW(parse_percentile(text), Error) << text;
  }
}

}  // namespace
}  // namespace betimes::measure
