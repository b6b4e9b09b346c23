#include "bench/compare/compare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/threads.h"
#include "betimes/import/onnx.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {
namespace {

using Milliseconds = std::vector<double>;
constexpr int resamples = 2000;

runtime::Session open_ours(const Model& model, const std::string& file, int threads) {
  runtime::CompileOptions options;
  options.shapes = model.shapes;
  options.threads = threads;
  for (const auto& [name, number] : model.values) options.values[name] = Tensor::scalar(number);
  return runtime::Session(runtime::compile(import::read_onnx(file), options));
}

Milliseconds run_ours(runtime::Session& session, int64_t count) {
  using Clock = std::chrono::steady_clock;
  Milliseconds times(static_cast<size_t>(count));
  for (double& each : times) {
    const auto begin = Clock::now();
    session.run();
    each = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  }
  return times;
}

void append(Milliseconds& all, const Milliseconds& some) {
  all.insert(all.end(), some.begin(), some.end());
}

Side summary(Milliseconds samples) {
  std::sort(samples.begin(), samples.end());
  return {quantile_of_sorted(samples, 0.5), quantile_of_sorted(samples, 0.99)};
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

/// Everything the rounds measure.
struct Rounds {
  Milliseconds ours, theirs, call;
  Milliseconds our_medians, their_medians;  // one a round
};

Rounds run_rounds(runtime::Session& ours, Peer& peer, const Effort& effort) {
  const double slower = std::max(median(run_ours(ours, 5)), median(peer.run("model", 5)));
  const auto count = static_cast<int64_t>(std::clamp(effort.turn_ms / slower, 3.0, 2000.0));
  const int64_t warm_up = std::max<int64_t>(1, count / 10);
  const auto pause = std::chrono::duration<double, std::milli>(effort.pause_ms);
  Random random(effort.seed);
  Rounds result;
  for (int round = 0; round < effort.rounds; ++round) {
    const bool ours_first = random.below(2) == 0;
    for (const bool our_turn : {ours_first, !ours_first}) {
      std::this_thread::sleep_for(pause);
      if (our_turn) {
        run_ours(ours, warm_up);
        const Milliseconds times = run_ours(ours, count);
        append(result.ours, times);
        result.our_medians.push_back(median(times));
      } else {
        peer.run("model", warm_up);
        const Milliseconds times = peer.run("model", count);
        append(result.theirs, times);
        result.their_medians.push_back(median(times));
        peer.run("nothing", 20);
        append(result.call, peer.run("nothing", 100));
      }
    }
  }
  return result;
}

/// Percentile bootstrap (Efron 1979) of a mean over rounds.
std::vector<double> resampled_means(const std::vector<double>& values, Random& random) {
  std::vector<double> means(resamples);
  for (double& each : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    each = sum / static_cast<double>(values.size());
  }
  return means;
}

Interval middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {std::exp(quantile_of_sorted(values, 0.025)), std::exp(quantile_of_sorted(values, 0.975))};
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
  const Rounds rounds = run_rounds(ours, peer, effort);
  result.ours = summary(rounds.ours);
  result.theirs = summary(rounds.theirs);
  result.call_ms = median(rounds.call);
  result.runs = static_cast<int64_t>(rounds.ours.size());
  result.raw_ratio = result.theirs.p50_ms / result.ours.p50_ms;
  for (size_t r = 0; r < rounds.our_medians.size(); ++r) {
    result.log_ratios.push_back(
        std::log((rounds.their_medians[r] - result.call_ms) / rounds.our_medians[r]));
  }
  result.ratio = std::exp(mean(result.log_ratios));
  Random random(effort.seed);
  result.interval = middle(resampled_means(result.log_ratios, random));
  return result;
}

MeanRatio geometric_mean(const std::vector<const Comparison*>& comparisons, uint64_t seed) {
  if (comparisons.empty()) return {};
  Random random(seed);
  std::vector<double> totals(resamples, 0);
  double total = 0;
  const auto count = static_cast<double>(comparisons.size());
  for (const Comparison* each : comparisons) {
    total += mean(each->log_ratios) / count;
    const auto means = resampled_means(each->log_ratios, random);
    for (size_t i = 0; i < totals.size(); ++i) totals[i] += means[i] / count;
  }
  return {std::exp(total), middle(std::move(totals))};
}

}  // namespace betimes::bench
