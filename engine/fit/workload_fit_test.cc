#include "betimes/fit/workload_fit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

int64_t whole(const Setting& setting, const std::string& name) {
  return std::get<int64_t>(setting.at(name));
}

/// A model whose depth costs time and brings quality, and whose cache takes half of the time away
/// and a little quality. `latency()` is what its clock would show.
class Model : public Workload {
 public:
  Model() {
    knobs_.add({"depth", Integers{1, 12}, int64_t{12}, "layers"});
    knobs_.add({"cache", flag(), false, "keeps what was computed"});
  }
  const KnobSpace& knobs() const override { return knobs_; }
  void apply(const Setting& setting) override {
    knobs_.check(setting);
    if (whole(setting, "depth") == broken) throw Error("model", "this depth is broken");
    ++applied;
    present_ = setting;
  }
  void run() override { ++runs; }
  judge::Quality quality(Part part) override {
    parts.push_back(part);
    const double better = part == Part::test ? 0 : 0.01;  // the test part is harder
    const double value = quality_of(present_) + better;
    return {value, value - 0.02, value + 0.02, 0.95, 1000};
  }
  size_t memory_bytes() const override { return memory; }

  static double quality_of(const Setting& setting) {
    return 0.9 - 0.5 / double(whole(setting, "depth")) - (cached(setting) ? 0.005 : 0);
  }
  static double ms_of(const Setting& setting) {
    return double(whole(setting, "depth")) * (cached(setting) ? 0.5 : 1.0);
  }
  double latency() const { return ms_of(present_); }
  static bool cached(const Setting& setting) { return std::get<bool>(setting.at("cache")); }

  int64_t broken = 5;
  int applied = 0, runs = 0;
  size_t memory = 0;
  std::vector<Part> parts;

 private:
  KnobSpace knobs_;
  Setting present_;
};

/// A clock that shows what the model says; `slower` multiplies long measurements.
LatencyMeter clock_of(const Model& model, double slower = 1) {
  return [&model, slower](const std::vector<std::function<void()>>& runs, const measure::Options&,
                          uint64_t) {
    std::vector<measure::Latency> result;
    for (const auto& run : runs) {
      run();
      const double ms = model.latency() * (runs.size() > 1 ? slower : 1);
      std::vector<double> samples(1000, ms);
      for (size_t i = 0; i < 50; ++i) samples[i] = 1.5 * ms;  // p99 is half above the median
      result.push_back(measure::summarize(samples));
    }
    return result;
  };
}

WorkloadFitOptions with(const Model& model, const std::string& budget) {
  WorkloadFitOptions options;
  if (!budget.empty()) options.budget = parse_budget(budget);
  options.search = "exhaustive";
  options.problem = "model";
  options.meter = clock_of(model);
  options.machine = measure::Machine{};
  return options;
}

/// The best by the model's own formulas.
double best_quality(double most_ms) {
  double best = 0;
  for (int64_t depth = 1; depth <= 12; ++depth) {
    for (const bool cache : {false, true}) {
      const Setting setting = {{"depth", depth}, {"cache", cache}};
      if (depth != 5 && Model::ms_of(setting) <= most_ms) {
        best = std::max(best, Model::quality_of(setting));
      }
    }
  }
  return best;
}

TEST(FitWorkload, ChoosesTheBestThatKeepsTheBudget) {
  for (const double limit : {0.9, 2.0, 3.1, 5.0, 20.0}) {
    Model model;
    const auto fit = fit_workload(model, with(model, "p50<=" + std::to_string(limit) + "ms"));
    EXPECT_TRUE(fit.met) << fit.verdict;
    EXPECT_NEAR(fit.chosen.test.value, best_quality(limit), 1e-12);
    EXPECT_NEAR(fit.chosen.validation.value, fit.chosen.test.value + 0.01, 1e-12);
    EXPECT_LE(fit.chosen.latency.p50.value, limit);
    EXPECT_EQ(fit.standard.latency.p50.value, 12);
    EXPECT_EQ(fit.failed, 2);
    EXPECT_EQ(fit.tried.size(), 24u);
    EXPECT_EQ(fit.tried.front().entry.setting, model.knobs().standard());
    EXPECT_EQ(fit.stopped, "the search has nothing left to propose");
  }
}

TEST(FitWorkload, TheTestPartIsForTheChoiceAndTheStandardOnly) {
  Model model;
  const auto fit = fit_workload(model, with(model, "p50<=3ms"));
  EXPECT_EQ(std::count(model.parts.begin(), model.parts.end(), Part::test), 2);
  EXPECT_EQ(std::count(model.parts.begin(), model.parts.end(), Part::validation), 22);
  // A loose budget gives the standard setting back, which is scored once.
  Model other;
  const auto loose = fit_workload(other, with(other, "1s"));
  EXPECT_TRUE(loose.changes.empty());
  EXPECT_NE(loose.verdict.find("standard setting"), std::string::npos);
  EXPECT_EQ(std::count(other.parts.begin(), other.parts.end(), Part::test), 1);
}

TEST(FitWorkload, BoundsOnTailsAndChangesAreSaid) {
  Model model;
  const auto fit = fit_workload(model, with(model, "p99<=3ms"));  // 2 ms at the median
  EXPECT_EQ(Model::ms_of(fit.chosen.setting), 2);
  EXPECT_EQ(fit.changes, (std::vector<std::string>{"depth: 12 -> 4", "cache: false -> true"}));
  EXPECT_EQ(fit.objective, "quality under p99<=3ms");
}

TEST(FitWorkload, WhatDoesNotKeepTheBudgetAtLengthMakesRoom) {
  Model model;
  WorkloadFitOptions options = with(model, "p50<=3ms");
  options.meter = clock_of(model, 1.4);  // what looked like 3 ms takes 4.2
  options.finalists = 1;
  const auto fit = fit_workload(model, options);
  EXPECT_TRUE(fit.met);
  EXPECT_EQ(Model::ms_of(fit.chosen.setting), 2);  // 2.8 at length; 2.5 would be broken
  // The standard setting, one that looked best and failed, and the choice.
  EXPECT_EQ(
      std::count_if(fit.tried.begin(), fit.tried.end(), [](const auto& t) { return t.finalist; }),
      3);
}

TEST(FitWorkload, SaysWhenNothingKeepsTheBudget) {
  Model model;
  auto fit = fit_workload(model, with(model, "p50<=0.25ms"));
  EXPECT_FALSE(fit.met);
  EXPECT_NE(fit.verdict.find("none keeps p50<=0.25ms. This is the nearest: 2.00 times"),
            std::string::npos)
      << fit.verdict;
  EXPECT_EQ(Model::ms_of(fit.chosen.setting), 0.5);
  WorkloadFitOptions options = with(model, "p50<=1s");
  options.budget->quality_floor = 0.99;
  fit = fit_workload(model, options);
  EXPECT_FALSE(fit.met);
  EXPECT_NE(fit.verdict.find("This is the nearest: quality 0.8"), std::string::npos) << fit.verdict;
}

TEST(FitWorkload, MemoryIsBoundedWhereItIsKnown) {
  Model model;
  WorkloadFitOptions options = with(model, "p50<=1s");
  options.budget->memory = 1000;
  EXPECT_THROW(fit_workload(model, options), Error);
  model.memory = 1001;
  EXPECT_FALSE(fit_workload(model, options).met);
  model.memory = 1000;
  EXPECT_TRUE(fit_workload(model, options).met);
}

TEST(FitWorkload, WithoutABudgetTheKneeIsTaken) {
  Model model;
  const auto fit = fit_workload(model, with(model, ""));
  EXPECT_TRUE(fit.met);
  EXPECT_TRUE(fit.budget_was_chosen);
  const double ms = fit.chosen.latency.p50.value;
  EXPECT_GT(ms, 0.5);
  EXPECT_LT(ms, 5);  // quality bends at a depth of a few
  ASSERT_EQ(fit.budget.bounds.size(), 1u);
  EXPECT_NEAR(fit.budget.bounds[0].milliseconds, 1.25 * 1.5 * ms, 0.1 * ms);
}

TEST(FitWorkload, AFrontierIsMarkedAmongWhatWasTried) {
  Model model;
  const auto fit = fit_workload(model, with(model, "p50<=3ms"));
  for (const TriedSetting& a : fit.tried) {
    bool beaten = !a.entry.found;
    for (const TriedSetting& b : fit.tried) {
      if (!a.entry.found || !b.entry.found) continue;
      beaten |= b.entry.found->quality >= a.entry.found->quality &&
                b.entry.found->latency_ms < a.entry.found->latency_ms;
      beaten |= b.entry.found->quality > a.entry.found->quality &&
                b.entry.found->latency_ms <= a.entry.found->latency_ms;
    }
    EXPECT_EQ(a.on_frontier, !beaten) << to_string(a.entry.setting);
  }
}

TEST(FitWorkload, GoesOnFromItsLedger) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("fit-" + std::to_string(::getpid()))).string();
  Model model;
  WorkloadFitOptions options = with(model, "p50<=3ms");
  options.search = "evolution";
  options.ledger = path;
  options.evaluations = 10;
  EXPECT_EQ(fit_workload(model, options).tried.size(), 10u);
  const auto validations = std::count(model.parts.begin(), model.parts.end(), Part::validation);
  options.evaluations = 16;
  const auto fit = fit_workload(model, options);
  EXPECT_EQ(fit.tried.size(), 16u);
  EXPECT_LE(std::count(model.parts.begin(), model.parts.end(), Part::validation), validations + 6);
  Model fresh;
  options.meter = clock_of(fresh);
  options.ledger.clear();
  const auto at_once = fit_workload(fresh, options);
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(at_once.tried[i].entry.setting, fit.tried[i].entry.setting);
  }
  options.ledger = path;
  options.seed = 2;
  EXPECT_THROW(fit_workload(fresh, options), Error);
  std::filesystem::remove(path);
}

TEST(FitWorkload, WorkersKeepCrashesAway) {
  Model model;
  WorkloadFitOptions options = with(model, "p50<=3ms");
  options.pool = {1, 30};
  options.meter = [&](const auto& runs, const auto& how, uint64_t seed) {
    if (model.latency() == 3.5) ::_exit(9);  // a setting that takes its process with it
    return clock_of(model)(runs, how, seed);
  };
  const auto fit = fit_workload(model, options);
  EXPECT_EQ(fit.failed, 3);
  EXPECT_TRUE(fit.met);
}

TEST(FitWorkload, AStandardSettingThatFailsEndsIt) {
  Model model;
  model.broken = 12;
  EXPECT_THROW(fit_workload(model, with(model, "3ms")), Error);
  WorkloadFitOptions options = with(model, "3ms");
  options.evaluations = 0;
  EXPECT_THROW(fit_workload(model, options), Error);
}

/// Really takes time: loops in proportion to its depth.
class Loops : public Model {
 public:
  void run() override {
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::duration<double, std::milli>(0.05 * latency());
    while (std::chrono::steady_clock::now() < until) {
    }
  }
};

TEST(FitWorkload, MeasuresWhereNobodyElseDoes) {
  Loops model;
  WorkloadFitOptions options;
  options.budget = parse_budget("10s");  // nothing here hangs on how fast this machine is
  options.search = "random";
  options.evaluations = 3;
  options.measure_seconds = 0.05;
  options.verify_seconds = 0.3;
  const auto fit = fit_workload(model, options);
  EXPECT_TRUE(fit.met);
  EXPECT_GE(fit.standard.latency.p50.value, 0.6);  // the loops see to that
  EXPECT_GT(fit.standard.latency.runs, 0);
  EXPECT_FALSE(fit.machine.isa.empty());
}

}  // namespace
}  // namespace betimes::fit
