// bench_libtorch: the modules of engine/learn/testing/modules.h, traced and run by Betimes, beside
// the same modules run eagerly by LibTorch: one interleaved run, batch 1.
#include <fmt/format.h>
#include <torch/types.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>

#include "bench/compare/environment.h"
#include "bench/compare/rounds.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/learn/testing/modules.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {
namespace {

struct Options {
  std::string only;
  std::vector<int> threads = {1};
  Effort effort;
  std::string write;
};

struct Row {
  std::string name;
  int threads = 1;
  Side ours, theirs;
  int64_t runs = 0;  // of each side
  std::vector<double> log_ratios;
  MeanRatio ratio;
  double difference = 0;  // largest |ours - theirs| over all outputs, as a share of each's largest
};

void copy(const at::Tensor& from, const TensorView& to) {
  const Tensor dense = learn::from_torch(from);
  std::memcpy(to.data, dense.raw(), dense.bytes());
}

double difference(const TensorView& ours, const at::Tensor& theirs) {
  Tensor found(ours.type.dtype, ours.type.shape);
  std::memcpy(found.mutable_raw(), ours.data, found.bytes());
  const at::Tensor wanted = theirs.to(at::kDouble);
  const at::Tensor apart = (learn::to_torch(found).to(at::kDouble) - wanted).abs();
  return apart.max().item<double>() / std::max(wanted.abs().max().item<double>(), 1e-30);
}

Row compare(const learn::testing::ModuleCase& each, int threads, const Effort& effort) {
  const PinnedTeam team(threads);
  at::set_num_threads(threads);
  torch::manual_seed(effort.seed);
  const std::vector<at::Tensor> inputs = each.inputs(1);
  runtime::CompileOptions options;
  options.threads = threads;
  runtime::Session session(
      runtime::compile(learn::trace(*each.module, each.forward, inputs, {.batch = ""}), options));
  const c10::InferenceMode inference;
  for (size_t i = 0; i < inputs.size(); ++i) copy(inputs[i], session.inputs()[i]);
  session.run();
  const std::vector<at::Tensor> expected = each.forward(inputs);
  Row row;
  row.name = each.name;
  row.threads = threads;
  for (size_t o = 0; o < expected.size(); ++o) {
    row.difference = std::max(row.difference, difference(session.outputs()[o], expected[o]));
  }
  const Rounds rounds = run_rounds(
      [&](int64_t count) { return time_each([&] { session.run(); }, count); },
      [&](int64_t count) { return time_each([&] { each.forward(inputs); }, count); }, effort);
  row.ours = summary(rounds.ours);
  row.theirs = summary(rounds.theirs);
  row.runs = static_cast<int64_t>(rounds.ours.size());
  row.log_ratios = log_ratios(rounds);
  row.ratio = mean_ratio({row.log_ratios}, effort.seed);
  return row;
}

std::string line(const Row& r) {
  return fmt::format(
      "| {} | {} | {:.4f} | {:.4f} | {:.4f} | {:.4f} | **{:.2f}** ({:.2f}-{:.2f}) | {} | {:.0e} "
      "|\n",
      r.name, r.threads, r.ours.p50_ms, r.ours.p99_ms, r.theirs.p50_ms, r.theirs.p99_ms,
      r.ratio.ratio, r.ratio.interval.low, r.ratio.interval.high, r.runs, r.difference);
}

std::string markdown(const std::vector<Row>& rows, const std::string& machine,
                     const Options& options) {
  std::string text = fmt::format(
      "{} LibTorch {}, eager, in inference mode, its sgemm through oneDNN. Batch 1; latencies in "
      "milliseconds.\n\n"
      "| module | threads | Betimes p50 | p99 | LibTorch p50 | p99 | ratio (95 %) | runs | outputs "
      "differ |\n|---|---|---|---|---|---|---|---|---|\n",
      machine, TORCH_VERSION);
  for (const Row& row : rows) text += line(row);
  text += "\n";
  for (const int threads : options.threads) {
    std::vector<std::vector<double>> logs;
    for (const Row& row : rows) {
      if (row.threads == threads) logs.push_back(row.log_ratios);
    }
    const MeanRatio mean = mean_ratio(logs, options.effort.seed);
    text += fmt::format("Geometric mean, {} thread{}: **{:.2f}** ({:.2f}-{:.2f}).\n", threads,
                        threads == 1 ? "" : "s", mean.ratio, mean.interval.low, mean.interval.high);
  }
  return text;
}

int run(const Options& options) {
  available_cpus();  // before anything is pinned
  const std::string machine = environment();
  const torch::NoGradGuard no_gradient;
  std::vector<Row> rows;
  for (const int threads : options.threads) {
    for (const auto& each : learn::testing::module_cases(options.effort.seed)) {
      if (each.name.find(options.only) == std::string::npos) continue;
      rows.push_back(compare(each, threads, options.effort));
      fmt::print(stderr, "{}", line(rows.back()));
    }
  }
  if (!options.write.empty()) {
    write_between(options.write, "against-libtorch", markdown(rows, machine, options));
  }
  fmt::print("{}", markdown(rows, machine, options));
  return 0;
}

}  // namespace
}  // namespace betimes::bench

int main(int argc, char** argv) {
  betimes::bench::Options options;
  CLI::App app("Betimes beside eager LibTorch: same modules, inputs and CPUs, turn by turn");
  app.add_option("--only", options.only, "Only modules whose name has this in it");
  app.add_option("--threads", options.threads, "Numbers of threads, 1 when not given")
      ->delimiter(',');
  app.add_option("--rounds", options.effort.rounds, "Rounds of one turn a side")
      ->check(CLI::Range(2, 10000));
  app.add_option("--turn-ms", options.effort.turn_ms, "Milliseconds a turn should take");
  app.add_option("--seed", options.effort.seed, "Of weights, inputs, order and intervals");
  app.add_option("--write", options.write, "Put the table into this Markdown file");
  CLI11_PARSE(app, argc, argv);
  try {
    return betimes::bench::run(options);
  } catch (const betimes::Error& error) {
    fmt::print(stderr, "bench_libtorch: {}\n", error.what());
    return 2;
  }
}
