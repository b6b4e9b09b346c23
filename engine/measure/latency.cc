#include "betimes/measure/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/statistics.h"
#include "betimes/measure/detail/drift.h"

namespace betimes::measure {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

// Warm-up: a window has at least so many runs and lasts at least so long ...
constexpr int64_t window_runs = 8;
constexpr nanoseconds window_time = std::chrono::milliseconds(5);
constexpr size_t most_window_runs = 4096;
// ... and warm-up may take this part of the time.
constexpr double warmup_part = 0.35;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double to_ms(double ns) { return ns * 1e-6; }

double timed(const std::function<void()>& run) {
  const auto start = Clock::now();
  run();
  return static_cast<double>(duration_cast<nanoseconds>(Clock::now() - start).count());
}

double timer_overhead_ns() {
  std::vector<double> gaps(201);
  for (double& gap : gaps) {
    const auto start = Clock::now();
    gap = static_cast<double>(duration_cast<nanoseconds>(Clock::now() - start).count());
  }
  return median(gaps);
}

void check(const Options& options) {
  const auto share = [](double x) { return x > 0 && x < 1; };
  if (!share(options.percentile)) throw Error("percentile", "is out of range", "between 0 and 1");
  if (!share(options.confidence)) throw Error("confidence", "is out of range", "between 0 and 1");
  if (!share(options.interval_level)) {
    throw Error("interval level", "is out of range", "between 0 and 1");
  }
  if (!(options.max_seconds > 0)) throw Error("seconds", "must be more than 0");
  if (options.max_runs < 1) throw Error("runs", "must be at least 1");
}

/// One alternative while it is measured. All nanoseconds.
struct Subject {
  const std::function<void()>* run = nullptr;
  double first = 0;
  int64_t warmup_runs = 0;
  detail::DriftWatch drift;
  std::vector<double> window;
  std::vector<double> samples;
};

void fill_window(Subject& subject) {
  subject.window.clear();
  double spent = 0;
  while (static_cast<int64_t>(subject.window.size()) < window_runs ||
         (spent < static_cast<double>(window_time.count()) &&
          subject.window.size() < most_window_runs)) {
    subject.window.push_back(timed(*subject.run));
    spent += subject.window.back();
  }
  subject.warmup_runs += static_cast<int64_t>(subject.window.size());
}

/// Runs everything until no alternative drifts any more or the warm-up's part of the time is over.
bool warm_up(std::vector<Subject>& subjects, const Options& options, Clock::time_point start) {
  for (;;) {
    bool all = true;
    for (Subject& subject : subjects) {
      fill_window(subject);
      all &= subject.drift.stopped(subject.window);
    }
    if (all) return true;
    if (seconds_since(start) > warmup_part * options.max_seconds) return false;
  }
}

int64_t runs_needed(const Options& options) {
  return std::max(options.min_runs,
                  early_stopping_queries(1, options.percentile, options.confidence));
}

/// How many samples to take if the time allows; also what is reserved for them.
int64_t runs_wanted(const Subject& subject, const Options& options) {
  const double for_seconds = options.min_seconds * 1e9 / std::max(subject.drift.median(), 1.0);
  const double wanted = std::max(static_cast<double>(runs_needed(options)), for_seconds);
  return static_cast<int64_t>(std::min(wanted, static_cast<double>(options.max_runs)));
}

void take_turn(Subject& subject, int64_t turn, int64_t wanted) {
  if (turn > 1) (*subject.run)();
  for (int64_t i = turn > 1 ? 1 : 0; i < turn; ++i) {
    if (static_cast<int64_t>(subject.samples.size()) >= wanted) return;
    subject.samples.push_back(timed(*subject.run));
  }
}

class ProgressCaller {
 public:
  ProgressCaller(const Options& options, Clock::time_point start)
      : options_(options), start_(start), last_(start) {}
  void operator()(double done) {
    if (!options_.progress || seconds_since(last_) < 0.1) return;
    last_ = Clock::now();
    // Whichever comes first ends it: the runs or the time.
    options_.progress(std::min(1.0, std::max(done, seconds_since(start_) / options_.max_seconds)));
  }

 private:
  const Options& options_;
  Clock::time_point start_, last_;
};

void sample(std::vector<Subject>& subjects, const Options& options, uint64_t seed,
            Clock::time_point start) {
  std::vector<int64_t> wanted;
  for (Subject& subject : subjects) {
    wanted.push_back(runs_wanted(subject, options));
    subject.samples.reserve(static_cast<size_t>(wanted.back()));
  }
  const int64_t turn = subjects.size() > 1 ? std::max<int64_t>(options.turn, 1) : 1;
  std::vector<size_t> order(subjects.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Random random(seed);
  ProgressCaller progress(options, start);
  for (;;) {
    random.shuffle(std::span<size_t>(order));
    double done = 1;
    for (const size_t i : order) {
      take_turn(subjects[i], turn, wanted[i]);
      done = std::min(
          done, static_cast<double>(subjects[i].samples.size()) / static_cast<double>(wanted[i]));
    }
    if (done >= 1 || seconds_since(start) > options.max_seconds) return;
    progress(done);
  }
}

Percentile percentile_of(const std::vector<double>& sorted, double q, const Options& options) {
  const auto runs = static_cast<int64_t>(sorted.size());
  Percentile result;
  if (sorted.empty()) return result;
  const OrderRanks ranks = quantile_ranks(runs, q, options.interval_level);
  result.value = quantile_of_sorted(sorted, q);
  result.low = sorted[static_cast<size_t>(ranks.low) - 1];
  result.high = sorted[static_cast<size_t>(ranks.high) - 1];
  result.more_runs = early_stopping_missing(runs, q, options.confidence);
  result.valid = result.more_runs == 0;
  result.bound = early_stopping_estimate(sorted, q, options.confidence).value_or(0);
  return result;
}

std::string why_invalid(const Latency& latency) {
  const int64_t more = latency.asked.more_runs;
  return fmt::format("{} needs {} more run{} (about {:.2g} s): {} done, {} needed",
                     percentile_name(latency.percentile), more, more == 1 ? "" : "s",
                     static_cast<double>(more) * latency.mean_ms * 1e-3, latency.runs,
                     latency.runs + more);
}

}  // namespace

Latency summarize(std::vector<double> samples_ms, const Options& options) {
  Latency result;
  result.samples_ms = std::move(samples_ms);
  std::vector<double> sorted = result.samples_ms;
  std::sort(sorted.begin(), sorted.end());
  result.runs = static_cast<int64_t>(sorted.size());
  result.mean_ms = mean(sorted);
  result.deviation_ms = median_absolute_deviation(sorted);
  result.p50 = percentile_of(sorted, 0.50, options);
  result.p90 = percentile_of(sorted, 0.90, options);
  result.p99 = percentile_of(sorted, 0.99, options);
  result.percentile = options.percentile;
  result.asked = percentile_of(sorted, options.percentile, options);
  result.valid = result.asked.valid;
  if (!result.valid) result.invalid_reason = why_invalid(result);
  return result;
}

std::vector<Latency> measure_interleaved(const std::vector<std::function<void()>>& runs,
                                         const Options& options, uint64_t seed) {
  check(options);
  const auto start = Clock::now();
  std::vector<Subject> subjects(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    subjects[i].run = &runs[i];
    subjects[i].window.reserve(most_window_runs);
    subjects[i].first = timed(runs[i]);
  }
  if (subjects.empty()) return {};
  const bool settled = warm_up(subjects, options, start);
  sample(subjects, options, seed, start);
  const double overhead = timer_overhead_ns();
  std::vector<Latency> results;
  for (Subject& subject : subjects) {
    for (double& x : subject.samples) x = to_ms(x);
    Latency latency = summarize(std::move(subject.samples), options);
    latency.first_ms = to_ms(subject.first);
    latency.timer_ms = to_ms(overhead);
    latency.warmup_runs = subject.warmup_runs;
    latency.drift_stopped = settled;
    results.push_back(std::move(latency));
  }
  return results;
}

Latency measure(const std::function<void()>& run, const Options& options) {
  return std::move(measure_interleaved({run}, options, 0).front());
}

double parse_percentile(const std::string& text) {
  const char* at = text.data() + (text.starts_with('p') ? 1 : 0);
  const char* const end = text.data() + text.size();
  double percent = 0;
  const auto [stop, problem] = std::from_chars(at, end, percent);
  if (problem != std::errc{} || stop != end || !(percent > 0 && percent < 100)) {
    throw Error("percentile", "'" + text + "' isn't one", "p50, p90, p99, p99.9, ...");
  }
  return percent / 100;
}

std::string percentile_name(double percentile) { return fmt::format("p{:.6g}", percentile * 100); }

}  // namespace betimes::measure
