#include "betimes/fit/optimize.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

KnobSpace make_space() {
  KnobSpace space;
  space.add({"a", Integers{0, 19}, int64_t{0}, ""}).add({"b", Integers{0, 19}, int64_t{0}, ""});
  return space;
}

int64_t a_of(const Setting& setting) { return std::get<int64_t>(setting.at("a")); }
int64_t b_of(const Setting& setting) { return std::get<int64_t>(setting.at("b")); }

Outcome world(const Setting& setting) {
  const double a = double(a_of(setting)), b = double(b_of(setting));
  if (a_of(setting) == 7) throw Error("world", "seven is broken");
  return {1 - 0.01 * std::fabs(a - b), 1 + a + b, {{"a", a}}};
}

/// As slow as the setting's number says, in an order that isn't that of the proposals.
Outcome uneven_world(const Setting& setting) {
  ::usleep(useconds_t(1000 * ((a_of(setting) * 7 + b_of(setting) * 3) % 11)));
  return world(setting);
}

std::unique_ptr<Search> search(const std::string& name = "evolution", uint64_t seed = 4) {
  return make_search(name, make_space(), Objective::under(parse_budget("20ms")), seed);
}

/// All that must be equal between runs: everything but the seconds.
std::string told(const Ledger& ledger) {
  std::ostringstream text;
  text.precision(17);
  for (const Entry& entry : ledger.entries()) {
    text << entry.round << ' ' << to_string(entry.setting) << ' ' << entry.failure;
    if (entry.found) text << ' ' << entry.found->quality << ' ' << entry.found->latency_ms;
    text << '\n';
  }
  return text.str();
}

std::string run(const Evaluator& evaluator, const OptimizeOptions& options,
                const std::string& name = "evolution") {
  Ledger ledger(make_space(), "test", 4);
  optimize(evaluator, *search(name), ledger, options);
  return told(ledger);
}

OptimizeOptions with_workers(int workers, int64_t evaluations = 50) {
  OptimizeOptions options;
  options.evaluations = evaluations;
  options.pool.workers = workers;
  return options;
}

TEST(Optimize, AnyNumberOfWorkersGivesTheSameLedger) {
  for (const std::string name : {"evolution", "ppo", "random"}) {
    const std::string alone = run(world, with_workers(0), name);
    EXPECT_EQ(std::count(alone.begin(), alone.end(), '\n'), 50);
    EXPECT_EQ(run(uneven_world, with_workers(1), name), alone);
    EXPECT_EQ(run(uneven_world, with_workers(4), name), alone);
  }
  EXPECT_NE(run(world, with_workers(0)).find("seven is broken"), std::string::npos);
}

TEST(Optimize, StopsWithAReason) {
  Ledger ledger(make_space(), "test", 4);
  OptimizeOptions options = with_workers(0, 30);
  double last = 0;
  options.progress = [&](double fraction, const std::string& what) {
    EXPECT_GE(fraction, last);
    EXPECT_NE(what.find("of 30 settings"), std::string::npos);
    last = fraction;
  };
  Optimized found = optimize(world, *search(), ledger, options);
  EXPECT_EQ(found.stopped, "30 evaluations are done");
  EXPECT_EQ(found.evaluated, 30);
  EXPECT_EQ(last, 1);
  EXPECT_FALSE(found.frontier.empty());
  options = with_workers(0, 10'000);
  found = optimize(world, *search("exhaustive"), ledger, options);
  EXPECT_EQ(found.stopped, "the search has nothing left to propose");
  EXPECT_EQ(ledger.size(), 400u);
  EXPECT_EQ(found.evaluated, 370);
  Ledger other(make_space(), "test", 4);
  options.seconds = 1e-9;
  found = optimize(world, *search(), other, options);
  EXPECT_EQ(found.stopped, "1e-09 s are over");
  EXPECT_EQ(other.size(), 0u);
}

TEST(Optimize, GoesOnInTheMiddleOfARound) {
  Ledger whole(make_space(), "test", 4);
  optimize(world, *search("ppo"), whole, with_workers(0, 40));
  for (size_t cut = 0; cut <= 40; ++cut) {
    Ledger ledger = whole.head(cut);
    optimize(world, *search("ppo"), ledger, with_workers(0, 40));
    ASSERT_EQ(told(ledger), told(whole)) << "cut after " << cut;
  }
  // Asking for more later is the same as having asked for it at once.
  Ledger ledger(make_space(), "test", 4);
  for (const int64_t evaluations : {3, 13, 40}) {
    optimize(world, *search("ppo"), ledger, with_workers(0, evaluations));
  }
  EXPECT_EQ(told(ledger), told(whole));
  // Another search begins a round of its own.
  ledger = whole.head(13);
  optimize(world, *search("random"), ledger, with_workers(0, 40));
  EXPECT_EQ(ledger.size(), 40u);
}

TEST(Optimize, SurvivesBeingKilledAtAnyTime) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("optimize-" + std::to_string(::getpid())))
          .string();
  const std::string alone = run(world, with_workers(0, 60));
  for (int kills = 0; kills < 20; ++kills) {
    const pid_t child = ::fork();
    if (child == 0) {
      Ledger ledger = Ledger::open(path, make_space(), "test", 4);
      std::atomic<int> left = 5;  // so many entries later it is killed
      OptimizeOptions options = with_workers(kills % 3, 60);
      options.progress = [&](double, const std::string&) {
        if (--left == 0) ::raise(SIGKILL);
      };
      optimize(world, *search(), ledger, options);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  EXPECT_EQ(told(Ledger::open(path, make_space(), "test", 4)), alone);
  std::filesystem::remove(path);
}

/// The failures of those settings whose `a` is the given one.
std::set<std::string> failures(const Ledger& ledger, int64_t a) {
  std::set<std::string> result;
  for (const Entry& entry : ledger.entries()) {
    if (a_of(entry.setting) == a) result.insert(entry.failure);
  }
  return result;
}

TEST(Optimize, WorkersThatDieOrHangAreReplaced) {
  const auto dangerous = [](const Setting& setting) -> Outcome {
    switch (a_of(setting)) {
      case 1:
        ::raise(SIGKILL);
        break;
      case 2:
        ::_exit(5);
      case 3:
        for (;;) ::pause();
      case 4:
        throw 4;
      case 5:
        return {std::nan(""), 1, {}};
      case 6:
        throw std::runtime_error(std::string(3 << 20, 'x'));
      default:
        break;
    }
    return world(setting);
  };
  Ledger ledger(KnobSpace()
                    .add({"a", Integers{0, 9}, int64_t{0}, ""})
                    .add({"b", Integers{0, 1}, int64_t{0}, ""}),
                "test", 4);
  OptimizeOptions options = with_workers(3, 100);
  options.pool.evaluation_seconds = 0.3;
  const auto all = make_search("exhaustive", ledger.space(), Objective::under({}), 1);
  const Optimized found = optimize(dangerous, *all, ledger, options);
  EXPECT_EQ(ledger.size(), 20u);
  EXPECT_EQ(found.failed, 14);  // seven is broken everywhere
  using Texts = std::set<std::string>;
  EXPECT_EQ(failures(ledger, 1), Texts{"the worker was killed by signal 9 (Killed)"});
  EXPECT_EQ(failures(ledger, 2), Texts{"the worker exited with code 5"});
  EXPECT_EQ(failures(ledger, 3), Texts{"no result within 0.3 s"});
  EXPECT_EQ(failures(ledger, 4), Texts{"the evaluation threw something that is no exception"});
  EXPECT_EQ(failures(ledger, 5), Texts{"outcome: quality isn't finite"});
  EXPECT_EQ(failures(ledger, 6), Texts{std::string(Entry::longest_failure, 'x')});
  EXPECT_EQ(failures(ledger, 8), Texts{""});
}

TEST(Optimize, WorkersHaveTeamsOfTheirOwn) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer ends copies of processes with threads that begin threads";
#endif
  const auto sum = [] {
    int total = 0;
#pragma omp parallel for reduction(+ : total) num_threads(2)
    for (int i = 0; i < 100; ++i) total += i;
    return total;
  };
  ASSERT_EQ(sum(), 4950);  // this process has a team now, and its copies haven't
  OptimizeOptions options = with_workers(2, 10);
  options.pool.evaluation_seconds = 20;
  Ledger ledger(make_space(), "test", 4);
  const auto evaluator = [&](const Setting&) { return Outcome{double(sum()), 1, {}}; };
  EXPECT_EQ(optimize(evaluator, *search("random"), ledger, options).failed, 0);
  EXPECT_EQ(ledger.entries().front().found->quality, 4950);
}

TEST(Optimize, RefusesOptionsThatMakeNoSense) {
  Ledger ledger(make_space(), "test", 4);
  const auto refuses = [&](const std::function<void(OptimizeOptions&)>& damage) {
    OptimizeOptions options;
    damage(options);
    EXPECT_THROW(optimize(world, *search(), ledger, options), Error);
  };
  refuses([](OptimizeOptions& o) { o.evaluations = -1; });
  refuses([](OptimizeOptions& o) { o.seconds = 0; });
  refuses([](OptimizeOptions& o) { o.batch = -1; });
  refuses([](OptimizeOptions& o) { o.pool.workers = -1; });
  refuses([](OptimizeOptions& o) { o.pool.evaluation_seconds = 1; });
  EXPECT_THROW(optimize(Evaluator(), *search(), ledger), Error);
}

/// Proposes what it is told to, however wrong.
class Stubborn : public Search {
 public:
  explicit Stubborn(std::vector<Setting> settings) : settings_(std::move(settings)) {}
  std::vector<Setting> propose(const Ledger&, int) override { return settings_; }

 private:
  std::vector<Setting> settings_;
};

TEST(Optimize, DoesNotTrustTheSearch) {
  const Setting one = make_space().standard();
  Ledger ledger(make_space(), "test", 4);
  Stubborn repeats({one, one});
  EXPECT_EQ(optimize(world, repeats, ledger).stopped, "the search has nothing left to propose");
  EXPECT_EQ(ledger.size(), 1u);
  Stubborn breaks({Setting{{"a", int64_t{99}}, {"b", int64_t{0}}}});
  EXPECT_THROW(optimize(world, breaks, ledger), Error);
}

}  // namespace
}  // namespace betimes::fit
