#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "betimes/base/statistics.h"
#include "systems/hardware/help/reproduce_parts.h"

namespace betimes::systems::help {
namespace {

double mean_of(const std::vector<Scored>& scored) { return average(scored).spearman; }

EvaluateOptions final_options(const system::Study& study, const MetaOptions& options) {
  EvaluateOptions found;
  found.adapt = {options.inner_steps, study.quick() ? 2 : 10, 1};
  found.samples = options.support;
  found.supports = study.quick() ? 1 : 5;
  return found;
}

std::vector<Scored> score_all(const Predictor& predictor, const Tables& tables,
                              const std::vector<Device>& devices, const EvaluateOptions& options) {
  std::vector<Scored> found;
  for (const Device& device : devices) {
    found.push_back(evaluate(predictor, tables, device, options));
  }
  return found;
}

void train_one(Run& run, const Tables& tables, MetaOptions options, const EvaluateOptions& final,
               const std::function<void(const Look&)>& report) {
  const std::vector<Device> devices = make_devices(tables, tables.space.unseen);
  options.seed = run.seed;
  run.trained =
      meta_train(tables, run.method, options, [&](const Look& look, const Predictor& predictor) {
        run.episodes.push_back(look.episode);
        run.unseen.push_back(mean_spearman(predictor, tables, devices, look_options(options)));
        report(look);
      });
  run.last = score_all(run.trained.last, tables, devices, final);
  run.best = score_all(run.trained.best, tables, devices, final);
}

/// Calls work(0), ..., work(count - 1) in so many threads; the first exception comes through.
void side_by_side(size_t count, int threads, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex failing;
  std::exception_ptr failed;
  const auto take = [&] {
    torch::set_num_threads(
        1);  // a team costs more than products so small, and it is a thread's own
    for (size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(failing);
        if (!failed) failed = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(take);
  take();
  others.clear();
  if (failed) std::rethrow_exception(failed);
}

/// The runs of one method, which follow one another.
std::vector<std::vector<const Run*>> by_method(const std::vector<Run>& runs) {
  std::vector<std::vector<const Run*>> found;
  for (const Run& run : runs) {
    if (found.empty() || found.back().front()->method.name != run.method.name) found.emplace_back();
    found.back().push_back(&run);
  }
  return found;
}

std::vector<double> at_look(const std::vector<const Run*>& runs, size_t look) {
  std::vector<double> found;
  for (const Run* run : runs) found.push_back(run->unseen.at(look));
  return found;
}

}  // namespace

double Run::mean_last() const { return mean_of(last); }
double Run::mean_best() const { return mean_of(best); }
double Run::peak() const { return *std::max_element(unseen.begin(), unseen.end()); }

std::vector<Run> train_side_by_side(const system::Study& study, const Tables& tables,
                                    const std::vector<Method>& methods,
                                    const std::vector<uint64_t>& seeds,
                                    const MetaOptions& options) {
  std::vector<Run> runs;
  for (const Method& method : methods) {
    for (const uint64_t seed : seeds) runs.push_back({method, seed, {}, {}, {}, {}, {}});
  }
  std::mutex telling;
  int64_t done = 0;
  const auto all = static_cast<double>(runs.size()) * options.episodes;
  const EvaluateOptions final = final_options(study, options);
  // By seed first: were it cut short, all methods would have been seen equally often.
  std::vector<size_t> order(runs.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i % methods.size() * seeds.size() + i / methods.size();
  }
  side_by_side(runs.size(), study.threads(), [&](size_t i) {
    Run& run = runs[order[i]];
    int before = 0;
    train_one(run, tables, options, final, [&](const Look& look) {
      const std::lock_guard lock(telling);
      done += look.episode - before;
      before = look.episode;
      study.progress(0.1 + 0.9 * static_cast<double>(done) / all,
                     fmt::format("{}, {}", run.method.name, to_string(look)));
    });
  });
  return runs;
}

system::Picture curves(const std::string& title, const std::vector<Run>& runs) {
  system::Picture picture{
      title, "episodes of meta-training", "rank correlation, unseen devices", false, false, {}};
  for (const std::vector<const Run*>& same : by_method(runs)) {
    system::Series series{same.front()->method.name, same.front()->episodes, {}, {}, {}, true};
    for (size_t look = 0; look < series.x.size(); ++look) {
      const std::vector<double> values = at_look(same, look);
      series.y.push_back(mean(values));
      if (same.size() == 1) continue;
      series.low.push_back(*std::min_element(values.begin(), values.end()));
      series.high.push_back(*std::max_element(values.begin(), values.end()));
    }
    picture.series.push_back(std::move(series));
  }
  return picture;
}

system::Table curve_table(const std::string& title, const std::vector<Run>& runs) {
  system::Table table{title, {"episode"}, {}};
  const auto methods = by_method(runs);
  for (const auto& same : methods) table.columns.push_back(same.front()->method.name);
  for (size_t look = 0; look < runs.front().episodes.size(); ++look) {
    std::vector<system::Cell> row = {runs.front().episodes[look]};
    for (const auto& same : methods) row.emplace_back(mean(at_look(same, look)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace betimes::systems::help
