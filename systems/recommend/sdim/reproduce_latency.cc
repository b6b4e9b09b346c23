#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "betimes/base/random.h"
#include "betimes/base/threads.h"
#include "betimes/measure/latency.h"
#include "systems/recommend/sdim/reproduce_checks.h"
#include "systems/recommend/sdim/scorer.h"
#include "systems/recommend/sdim/train_longhist.h"

namespace betimes::systems::sdim {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t candidates = 512;

/// Untrained models cost what trained ones do.
struct Paths {
  ModelOptions options;
  CtrModel sampled{Attention::sampled, options}, full{Attention::full, options};
  std::shared_ptr<const SignHash> hash =
      std::make_shared<SignHash>(static_cast<int>(options.width), options.hash);
  SampledScorer scorer{sampled_graph(sampled, options), hash, 1, candidates, 1};
  std::vector<int64_t> request = std::vector<int64_t>(candidates);
  std::vector<int64_t> history;

  explicit Paths(uint64_t seed) {
    Random random(seed);
    const auto items = static_cast<uint64_t>(options.items);
    for (int64_t& item : request) item = static_cast<int64_t>(random.below(items));
    for (int i = 0; i < 16384; ++i) history.push_back(static_cast<int64_t>(random.below(items)));
  }
  std::vector<int64_t> last(int64_t length) const {
    return {history.end() - length, history.end()};
  }
  std::vector<float> rows(const std::vector<int64_t>& items) const {
    const auto width = static_cast<size_t>(options.width);
    std::vector<float> all;
    for (const int64_t item : items) {
      const auto row = scorer.embeddings().subspan(static_cast<size_t>(item) * width, width);
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  }
};

struct Times {
  double sampled = 0, full = 0, rebuild = 0, append = 0;  // median milliseconds
};

Times times_at(Paths& paths, int64_t length, bool quick, uint64_t seed) {
  BehaviourEncoder encoder(paths.hash, 1);
  const std::vector<float> items = paths.rows(paths.last(length));
  encoder.rebuild(items);
  const auto table = encoder.publish();
  const std::vector<int64_t> recent = paths.last(paths.options.recent), all = paths.last(length);
  HistoryScorer full(history_graph(paths.full, length), candidates, length, 1);
  const std::span<const float> item =
      std::span(items).first(static_cast<size_t>(paths.options.width));
  measure::Options how;
  how.max_seconds = quick ? 1.5 : 6;
  how.min_runs = 30;
  const PinnedTeam team(1);
  const auto found = measure::measure_interleaved(
      {[&] { paths.scorer.score(paths.request, recent, *table); },
       [&] { full.score(paths.request, all); }, [&] { encoder.rebuild(items); },
       [&] {
         encoder.append(item);
         encoder.evict(item);
       }},
      how, seed);
  return {found[0].p50.value, found[1].p50.value, found[2].p50.value, found[3].p50.value / 2};
}

/// Share of requests that are answered within `objective` of their arrival, when they arrive at
/// random moments at `rate` a millisecond and are served one after the other.
double share_in_time(const std::function<void()>& serve, double rate, double objective,
                     double seconds, uint64_t seed) {
  Random random(seed);
  const auto begun = Clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  };
  double arrival = 0;
  int64_t all = 0, in_time = 0;
  while (true) {
    arrival += -std::log(1 - random.uniform()) / rate;
    if (arrival > seconds * 1e3) break;
    ++all;
    // Once hopelessly behind, the rest is late without being run.
    if (elapsed() - arrival > 100 * objective + 1e3) continue;
    // Not yield(): on a busy machine that hands over milliseconds at a time.
    while (elapsed() < arrival) {
    }
    serve();
    in_time += elapsed() - arrival <= objective;
  }
  return static_cast<double>(in_time) / static_cast<double>(std::max<int64_t>(all, 1));
}

void check_serving(system::Study& study, Paths& paths, double sampled_ms) {
  constexpr int64_t length = 1024;
  BehaviourEncoder encoder(paths.hash, 1);
  encoder.rebuild(paths.rows(paths.last(length)));
  const auto table = encoder.publish();
  const std::vector<int64_t> recent = paths.last(paths.options.recent), all = paths.last(length);
  HistoryScorer full(history_graph(paths.full, length), candidates, length, 1);
  const PinnedTeam team(1);
  const double rate = 0.5 / sampled_ms, objective = 4 * sampled_ms;
  const double seconds = study.quick() ? 1 : 10;
  const auto share = [&](const std::function<void()>& serve) {
    return share_in_time(serve, rate, objective, seconds, study.seed());
  };
  study.progress(0.95, "requests at random moments");
  const double published = share([&] { paths.scorer.score(paths.request, recent, *table); });
  const double inline_attention = share([&] { full.score(paths.request, all); });
  study.evidence("holds-p99", {published - inline_attention, {}, 1, "one run"});
  study.table({fmt::format("Requests within {:.3g} ms, {:.0f} a second at random moments, L = 1024",
                           objective, rate * 1e3),
               {"path", "share in time"},
               {{std::string("published tables (SDIM)"), published},
                {std::string("inline attention (DIN-long)"), inline_attention}}});
}

}  // namespace

void check_latency(system::Study& study) {
  torch::manual_seed(study.seed());
  Paths paths(study.seed());
  const std::vector<int64_t> lengths = study.quick()
                                           ? std::vector<int64_t>{64, 1024, 4096}
                                           : std::vector<int64_t>{64, 256, 1024, 4096, 16384};
  system::Table table{"Request of 512 candidates, one thread, median ms",
                      {"L", "SDIM", "DIN-long", "ratio", "rebuild", "append", "break-even"},
                      {}};
  system::Series sampled{"SDIM, published table", {}, {}, {}, {}, true},
      full{"DIN-long", {}, {}, {}, {}, true}, rebuild{"SDIM, encoding anew", {}, {}, {}, {}, true};
  double least = 1e9, most = 0, ratio = 0, at_1024 = 0;
  for (const int64_t length : lengths) {
    study.progress(0.8, fmt::format("requests with {} items", length));
    const Times times = times_at(paths, length, study.quick(), study.seed());
    const auto x = static_cast<double>(length);
    least = std::min(least, times.sampled);
    most = std::max(most, times.sampled);
    if (length == 1024) {
      ratio = times.full / times.sampled;
      at_1024 = times.sampled;
    }
    // Requests between two changes of a history from which tables pay, were each change a rebuild.
    table.rows.push_back({x, times.sampled, times.full, times.full / times.sampled, times.rebuild,
                          times.append,
                          times.rebuild / std::max(times.full - times.sampled, 1e-9)});
    for (auto& [series, y] : {std::pair(&sampled, times.sampled), std::pair(&full, times.full),
                              std::pair(&rebuild, times.rebuild)}) {
      series->x.push_back(x);
      series->y.push_back(y);
    }
  }
  study.evidence("flat", {most / least, {}, static_cast<int64_t>(lengths.size()), ""});
  study.evidence("faster", {ratio,
                            {},
                            1,
                            "both in this runtime; DIN-long's keys and values are computed once a "
                            "request, not once a candidate"});
  study.table(std::move(table));
  study.picture({"A request of 512 candidates over the history's length",
                 "items in the history",
                 "median ms",
                 true,
                 true,
                 {sampled, full, rebuild}});
  check_serving(study, paths, at_1024);
}

}  // namespace betimes::systems::sdim
