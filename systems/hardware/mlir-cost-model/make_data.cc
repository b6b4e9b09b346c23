#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/random.h"
#include "systems/hardware/mlir-cost-model/dataset.h"
#include "systems/hardware/mlir-cost-model/generator.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

namespace betimes::systems::mlir_cost_model {
namespace {

constexpr uint64_t seeds_apart = 1'000'003;

uint64_t sentence_hash(const Function& function) {
  return hash_tokens(tokenise(function, {}, Tokens::operands));
}

/// Two to four of the eight schedules, in their order.
std::vector<Schedule> draw_schedules(uint64_t seed) {
  Random random(seed);
  std::vector<Schedule> all = all_schedules();
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5, 6, 7};
  random.shuffle(std::span(order));
  order.resize(2 + static_cast<size_t>(random.below(3)));
  std::sort(order.begin(), order.end());
  std::vector<Schedule> found;
  for (const size_t i : order) found.push_back(all[i]);
  return found;
}

/// What became of one seed: a graph, or nothing.
struct Outcome {
  std::string line;  // of the file; empty: the compiler takes it under fewer than two schedules
  uint64_t hash = 0;
};

Outcome lower_one(const Toolchain& tools, uint64_t seed) {
  const Generated made = generate(seed);
  Graph graph;
  graph.seed = seed;
  graph.kind = made.kind;
  graph.text = made.text;
  graph.function = parse_function(made.text, "generated function");
  int64_t refused = 0;
  for (const Schedule& schedule : draw_schedules(seed)) {
    try {
      const Lowered lowered = lower(tools, made.text, schedule);
      graph.variants.push_back({schedule, lowered.labels, lowered.milliseconds});
    } catch (const Error&) {
      ++refused;  // this compiler fails on some, by crashing even
    }
  }
  if (graph.variants.size() < 2) return {"", sentence_hash(graph.function)};
  return {format_graph(graph, refused), sentence_hash(graph.function)};
}

/// Lowers seed after seed in some threads and appends what comes out in the seeds' order.
class Maker {
 public:
  Maker(const std::string& path, const MakeOptions& options)
      : path_(path), options_(options), tools_(need_toolchain()) {
    resume();
    out_.open(path_, std::ios::app);
    if (!out_) throw Error(path_, "can't be written");
  }

  void run() {
    std::vector<std::jthread> others;
    for (int i = 1; i < options_.processes; ++i) others.emplace_back([this] { work(); });
    work();
    others.clear();
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  /// Keeps the whole lines of what an earlier run left.
  void resume() {
    next_ = last_ = options_.seed * seeds_apart;
    if (!std::filesystem::exists(path_)) return;
    const std::vector<std::byte> bytes = read_file(path_);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    write_file(path_, text);
    if (text.empty()) return;
    for (const Graph& graph : parse_data(text, path_).graphs) {
      if (graph.seed < options_.seed * seeds_apart ||
          graph.seed >= (options_.seed + 1) * seeds_apart) {
        throw Error(path_, "is of another seed", "to be removed, or that seed");
      }
      seen_.insert(sentence_hash(graph.function));
      next_ = last_ = graph.seed + 1;
      ++done_;
    }
  }

  void work() {
    while (true) {
      uint64_t seed = 0;
      {
        const std::lock_guard lock(mutex_);
        if (failed_ || done_ >= options_.graphs) return;
        seed = next_++;
      }
      try {
        Outcome outcome = lower_one(tools_, seed);
        const std::lock_guard lock(mutex_);
        waiting_[seed] = std::move(outcome);
        write_ready();
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failed_) failed_ = std::current_exception();
      }
    }
  }

  void write_ready() {
    for (auto at = waiting_.find(last_); at != waiting_.end(); at = waiting_.find(last_)) {
      const Outcome outcome = std::move(at->second);
      waiting_.erase(at);
      ++last_;
      if (done_ >= options_.graphs || !seen_.insert(outcome.hash).second || outcome.line.empty()) {
        continue;
      }
      out_ << outcome.line << '\n' << std::flush;
      if (!out_) throw Error(path_, "can't be written");
      ++done_;
      if (options_.progress) options_.progress(done_, options_.graphs);
    }
  }

  const std::string path_;
  const MakeOptions& options_;
  const Toolchain tools_;
  std::ofstream out_;
  std::mutex mutex_;
  uint64_t next_ = 0, last_ = 0;  // to be begun, to be written
  int64_t done_ = 0;
  std::map<uint64_t, Outcome> waiting_;
  std::set<uint64_t> seen_;
  std::exception_ptr failed_;
};

}  // namespace

void make_data(const std::string& path, const MakeOptions& options) {
  if (options.graphs < 1 || options.processes < 1) {
    throw Error("data", "needs one graph and one process at least");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  const std::string part = path + ".part";
  if (std::filesystem::exists(path) && !std::filesystem::exists(part)) {
    std::filesystem::copy_file(path, part);
  }
  Maker(part, options).run();
  std::filesystem::rename(part, path);
}

}  // namespace betimes::systems::mlir_cost_model
