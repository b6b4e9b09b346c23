// bench_kernels: the runtime's single operators over the shapes of bench/operators.json, as Google
// Benchmark programs are used: --benchmark_filter=, --benchmark_format=json, ... Only the step that
// computes the operator is timed, not the reorders and conversions at the graph's edges.
// The environment variable BETIMES_THREADS sets the number of threads (1 when not set).

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "bench/kernels/cases.h"
#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/threads.h"
#include "betimes/measure/machine.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {
namespace {

/// Index of the step that does the work: the most arithmetic, then the most bytes.
size_t main_step(const runtime::Plan& plan) {
  const auto& steps = plan.steps();
  const auto most = std::max_element(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
    return std::pair(a.macs, a.bytes) < std::pair(b.macs, b.bytes);
  });
  return static_cast<size_t>(most - steps.begin());
}

void fill(const runtime::Session& session) {
  Random random(2);
  for (const TensorView& input : session.inputs()) {
    for (int64_t i = 0; i < input.size(); ++i) {
      input.as<float>()[i] = static_cast<float>(random.uniform(-4, 4));
    }
  }
}

void run_case(benchmark::State& state, const graph::Graph& graph, int threads,
              const measure::Machine& machine) {
  const PinnedTeam team(threads);
  runtime::CompileOptions options;
  options.threads = threads;
  runtime::Session session(runtime::compile(graph, options));
  fill(session);
  const size_t step = main_step(session.plan());
  const runtime::StepInfo& info = session.plan().steps()[step];
  std::vector<int64_t> nanoseconds(session.plan().steps().size() + 1);
  for (int i = 0; i < 3; ++i) session.run();
  for (auto _ : state) {
    session.run_profiled(nanoseconds);
    state.SetIterationTime(1e-9 * static_cast<double>(nanoseconds[step]));
  }
  const auto runs = static_cast<double>(state.iterations());
  const bool int8 = info.precision == "int8";
  const double peak = int8 ? machine.peak_gops_int8 : machine.peak_gflops_fp32;
  using Counter = benchmark::Counter;
  if (info.macs > 0) {
    state.counters["GMAC/s"] = Counter(1e-9 * info.macs * runs, Counter::kIsRate);
    state.counters["of_peak"] = Counter(2e-9 * info.macs * runs / peak, Counter::kIsRate);
  }
  state.counters["GB/s"] = Counter(1e-9 * info.bytes * runs, Counter::kIsRate);
  state.counters["of_read"] =
      Counter(1e-9 * info.bytes * runs / machine.read_gb_per_s, Counter::kIsRate);
  state.SetLabel(info.precision + " " + info.kernel);
}

void add(const std::string& name, graph::Graph graph, int threads,
         const measure::Machine& machine) {
  benchmark::RegisterBenchmark(
      name.c_str(), [graph = std::move(graph), threads, machine](
                        benchmark::State& state) { run_case(state, graph, threads, machine); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

void register_all() {
  const char* given = std::getenv("BETIMES_THREADS");
  const int threads = given ? std::atoi(given) : 1;
  const measure::Machine machine = measure::probe_machine(threads);
  benchmark::AddCustomContext(
      "machine",
      fmt::format("{}, {}, {} threads, {:.1f} GB/s, {:.0f} GFLOP/s fp32, {:.0f} GOP/s int8",
                  machine.cpu, machine.isa, threads, machine.read_gb_per_s,
                  machine.peak_gflops_fp32, machine.peak_gops_int8));
  for (OperatorCase& each : read_operators(BETIMES_SOURCE_DIR "/bench/operators.json")) {
    if (auto quantized = as_int8(each.graph)) {
      add(each.name + "/int8", std::move(*quantized), threads, machine);
    }
    add(each.name + "/fp32", std::move(each.graph), threads, machine);
  }
}

}  // namespace
}  // namespace betimes::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    betimes::bench::register_all();
    benchmark::RunSpecifiedBenchmarks();
  } catch (const betimes::Error& error) {
    fmt::print(stderr, "bench_kernels: {}\n", error.what());
    return 2;
  }
  return 0;
}
