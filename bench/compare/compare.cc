#include "bench/compare/compare.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/import/onnx.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {
namespace {

runtime::Session open_ours(const Model& model, const std::string& file, int threads) {
  runtime::CompileOptions options;
  options.shapes = model.shapes;
  options.threads = threads;
  for (const auto& [name, number] : model.values) options.values[name] = Tensor::scalar(number);
  return runtime::Session(runtime::compile(import::read_onnx(file), options));
}

/// Gives the peer the same model and inputs, and a session that computes nothing.
void open_theirs(Peer& peer, const Model& model, const runtime::Session& ours,
                 const std::string& file, const std::string& scratch, int threads) {
  const auto signature = peer.open("model", file, threads);
  for (size_t i = 0; i < ours.inputs().size(); ++i) {
    peer.set_input("model", ours.plan().inputs()[i].name, ours.inputs()[i]);
  }
  for (const auto& [name, number] : model.values) {
    const Tensor value = Tensor::scalar(number);
    peer.set_input("model", name, view(value));
  }
  peer.prepare("model");
  const std::string trivial = scratch + "/trivial.onnx";
  write_trivial(signature.inputs.size(), signature.outputs.size(), trivial);
  const Tensor one = Tensor::from<float>({1}, {1.0f});
  for (const std::string& input : peer.open("nothing", trivial, 1).inputs) {
    peer.set_input("nothing", input, view(one));
  }
  peer.prepare("nothing");
}

/// Sigmoids of very negative numbers differ by less than this, which can't matter.
constexpr double no_difference = 1e-6;

double difference(const TensorView& ours, const Tensor& theirs) {
  if (ours.type != theirs.type()) {
    throw Error("outputs", "differ in type", to_string(theirs.type()));
  }
  const Tensor wanted = theirs.cast(DType::f64);
  double largest = 1e-30, worst = 0;
  visit(ours.type.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_arithmetic_v<T>) {
      const T* got = ours.as<T>();
      for (const double value : wanted.data<double>()) {
        largest = std::max(largest, std::abs(value));
        worst = std::max(worst, std::abs(static_cast<double>(*got++) - value) - no_difference);
      }
    }
  });
  return worst / largest;
}

}  // namespace

Comparison compare(const Model& model, const std::string& file, const std::string& precision,
                   int threads, Peer& peer, const std::string& scratch, const Effort& effort) {
  const PinnedTeam team(threads);
  runtime::Session ours = open_ours(model, file, threads);
  for (const TensorView& input : ours.inputs()) fill_pattern(input, model);
  ours.run();
  open_theirs(peer, model, ours, file, scratch, threads);
  Comparison result;
  result.model = model.name;
  result.precision = precision;
  result.threads = threads;
  for (size_t o = 0; o < ours.outputs().size(); ++o) {
    const Tensor theirs = peer.output("model", ours.plan().outputs()[o].name);
    result.difference = std::max(result.difference, difference(ours.outputs()[o], theirs));
  }
  Milliseconds calls;
  const Rounds rounds =
      run_rounds([&](int64_t count) { return time_each([&] { ours.run(); }, count); },
                 [&](int64_t count) { return peer.run("model", count); }, effort,
                 [&] {
                   peer.run("nothing", 20);
                   const Milliseconds some = peer.run("nothing", 100);
                   calls.insert(calls.end(), some.begin(), some.end());
                 });
  result.ours = summary(rounds.ours);
  result.theirs = summary(rounds.theirs);
  result.call_ms = median(calls);
  result.runs = static_cast<int64_t>(rounds.ours.size());
  result.raw_ratio = result.theirs.p50_ms / result.ours.p50_ms;
  result.log_ratios = log_ratios(rounds, result.call_ms);
  const MeanRatio mean = mean_ratio({result.log_ratios}, effort.seed);
  result.ratio = mean.ratio;
  result.interval = mean.interval;
  return result;
}

MeanRatio geometric_mean(const std::vector<const Comparison*>& comparisons, uint64_t seed) {
  std::vector<std::vector<double>> logs;
  for (const Comparison* each : comparisons) logs.push_back(each->log_ratios);
  return mean_ratio(logs, seed);
}

}  // namespace betimes::bench
