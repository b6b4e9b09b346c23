#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "betimes/fit/result.h"

/// Made-up results of a fit, shaped like real ones, for tests of what is drawn and printed. Nothing
/// here was measured.
namespace betimes::synthetic {

struct Shape {
  int layers = 14;
  int points = 36;
  int runs = 3000;
  double speedup = 2.3;
};

inline measure::Percentile percentile(std::vector<double> samples, double rank, bool valid) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double where) {
    const double last = static_cast<double>(samples.size() - 1);
    return samples[static_cast<size_t>(std::clamp(where, 0.0, 1.0) * last)];
  };
  return {at(rank), at(rank - 0.01), at(rank + 0.008), valid, valid ? 0 : 412};
}

/// Right-skewed around `median`, with a few stalls, as run times are.
inline measure::Latency latency(double median, int runs, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> spread(-3.4, 0.7);
  std::uniform_real_distribution<double> chance(0, 1);
  measure::Latency made;
  for (int i = 0; i < runs; ++i) {
    const double stall = chance(random) < 0.012 ? 0.2 + 0.5 * chance(random) : 0;
    made.samples_ms.push_back(median * (0.965 + spread(random) + stall));
  }
  made.p50 = percentile(made.samples_ms, 0.5, true);
  made.p90 = percentile(made.samples_ms, 0.9, true);
  made.p99 = percentile(made.samples_ms, 0.99, true);
  made.mean_ms = 1.02 * median;
  made.first_ms = 4.1 * median;
  made.warmup_runs = 160;
  made.runs = runs;
  made.drift_stopped = true;
  made.valid = true;
  return made;
}

inline judge::Quality quality(double value, int64_t examples) {
  const double half = 1.96 * std::sqrt(value * (1 - value) / static_cast<double>(examples));
  return {value, value - half, std::min(1.0, value + half), 0.95, examples};
}

inline void add_layers(fit::Result& result, const Shape& shape) {
  const auto weight = [](int i) { return (1.2 + std::sin(2.4 * i)) / (1 + i % 9); };
  const auto is_lowered = [&](int i) { return i > 0 && i < shape.layers - 1 && i % 7 != 6; };
  double total = 0;
  for (int i = 0; i < shape.layers; ++i) total += weight(i);
  for (int i = 0; i < shape.layers; ++i) {
    const bool last = i == shape.layers - 1;
    const bool lowered = is_lowered(i);
    const double share = weight(i) / total;
    const double before = 1.36 * share;
    const double after = lowered ? before / (1.15 * shape.speedup + 0.3 * (i % 4)) : before;
    const std::string name =
        last ? "classifier/fc"
             : fmt::format("stage{}/block{}/conv{}", i / 6 + 1, i / 2 % 3 + 1, i % 2 + 1);
    const std::string unique = shape.layers > 18 ? fmt::format("{}_{}", name, i) : name;
    const std::string op = last ? "Gemm" : "Conv";
    const auto step = [&](double ms, const char* precision) {
      measure::StepTime made;
      made.name = unique;
      made.op = op;
      made.kernel = "onednn:jit";
      made.precision = precision;
      made.median_ms = ms;
      made.share = share;
      made.peak_fraction = 0.7;
      return made;
    };
    result.original.profile.steps.push_back(step(before, "fp32"));
    result.fitted.profile.steps.push_back(step(after, lowered ? "int8" : "fp32"));
    if (lowered) result.changes.push_back(unique + ": fp32 -> int8");
    result.sensitivities.push_back(
        {unique, op, "int8", lowered ? 0.0002 * (i % 4) : 0.004 + 0.001 * (i % 3),
         1e-4 * (1 + i % 7), before, lowered ? after : 1.1 * before, lowered});
  }
  measure::StepTime conversion;
  conversion.name = "input/quantize";
  conversion.op = "QuantizeLinear";
  conversion.precision = "int8";
  conversion.median_ms = 0.018;
  result.fitted.profile.steps.push_back(conversion);
  result.original.profile.overhead_ms = 0.012;
  result.fitted.profile.overhead_ms = 0.014;
}

inline void add_points(fit::Result& result, const Shape& shape) {
  const double slow = result.original.latency.p50.value;
  const double fast = result.fitted.latency.p50.value;
  result.points.push_back({"original", {}, slow, slow, quality(0.9362, 5000), 0.9362, true});
  for (int i = 1; i < shape.points; ++i) {
    const double t = static_cast<double>(i) / shape.points;
    const double ms = slow + t * (0.93 * fast - slow);
    const bool behind = i % 4 == 2;
    const double value = 0.9368 - 0.0062 * std::pow(t, 6) - 0.0014 * t - (behind ? 0.0022 : 0) +
                         0.00015 * std::sin(9.0 * i);
    fit::Point point{
        fmt::format("{} of {} nodes int8", i * shape.layers / shape.points, shape.layers),
        {{"calibration", "entropy"}, {"threads", int64_t{1}}, {"case", int64_t{i}}},
        ms,
        {},
        {},
        value,
        !behind};
    const bool is_chosen = i + 3 == shape.points;
    if (is_chosen) {
      point.measured_ms = fast;
      point.quality = quality(value + 0.0002, 5000);
    } else if (i % 5 == 0) {
      point.measured_ms = ms * (1 + 0.03 * std::sin(2.0 * i));
      point.quality = quality(value - 0.0004 * std::cos(3.0 * i), 5000);
    }
    result.points.push_back(point);
    if (is_chosen) result.chosen = point;
  }
  if (shape.points < 4) result.chosen = result.points.back();
}

inline fit::Result result(const Shape& shape = {}) {
  fit::Result made;
  made.model = "synthetic.onnx";
  made.task = "synthetic images: 1000 for calibration, 5000 for validation, 10000 for test";
  made.metric = "top1";
  made.budget.bounds = {{"p99", 0.8}};
  made.met = true;
  made.verdict =
      "Of 36 variants considered and 8 measured, this is the best that keeps the budget.";
  made.original.latency = latency(1.40, shape.runs, 1);
  made.fitted.latency = latency(1.40 / shape.speedup, shape.runs, 2);
  made.original.quality = quality(0.9361, 10000);
  made.fitted.quality = quality(0.9352, 10000);
  made.original.file_bytes = 1'440'000;
  made.fitted.file_bytes = 412'000;
  made.original.memory_bytes = 2'310'000;
  made.fitted.memory_bytes = 840'000;
  add_layers(made, shape);
  add_points(made, shape);
  made.changes.emplace_back("calibration: min-max -> entropy");
  made.fastest_ms = 0.94 * made.fitted.latency.p50.value;
  made.best_quality = 0.9366;
  made.agreement = quality(0.9887, 10000);
  made.quality_change = -0.0009;
  made.quality_change_low = -0.0021;
  made.quality_change_high = 0.0003;
  made.machine.cpu = "Synthetic CPU 9000 8-Core Processor";
  made.machine.cpus = 8;
  made.machine.isa = "avx512_vnni";
  made.machine.read_gb_per_s = 18.4;
  made.machine.peak_gflops_fp32 = 112;
  made.machine.peak_gops_int8 = 447;
  made.machine.os = "Debian GNU/Linux 12 (bookworm)";
  made.machine.compiler = "g++ 12.2.0";
  made.machine.onednn = "2.6.3";
  made.seed = 20240229;
  made.seconds = 31.4;
  made.artefact = "synthetic.fitted.onnx";
  made.report = "synthetic.report.html";
  made.date = "2024-02-29 12:00 UTC";
  return made;
}

/// The budget can't be met, and the percentile isn't settled.
inline fit::Result missed() {
  fit::Result made = result();
  made.budget.bounds = {{"p50", 0.3}, {"p99", 0.4}};
  made.met = false;
  made.verdict =
      "No variant reaches p99<=0.4ms here: the fastest tried has p99 0.73 ms. This is the nearest.";
  made.fitted.latency.valid = false;
  made.fitted.latency.p99.valid = false;
  made.fitted.latency.p99.more_runs = 412;
  made.fitted.latency.invalid_reason = "412 more runs would settle p99.";
  return made;
}

/// No labels: quality is agreement with the original; the budget was chosen by the fit.
inline fit::Result unlabelled() {
  fit::Result made = result();
  made.metric = "agreement";
  made.budget_was_chosen = true;
  made.original.quality = quality(1, 2000);
  made.fitted.quality = quality(0.9915, 2000);
  made.quality_change = -0.0085;
  made.best_quality = 1;
  for (auto& point : made.points) {
    const double moved = (point.predicted_quality - 0.9368) * 2;
    point.predicted_quality = std::min(1.0, 1 + moved);
    if (point.quality.examples > 0) point.quality = quality(std::min(1.0, 1 + moved), 2000);
  }
  made.chosen = made.points[made.points.size() - 3];
  for (auto& row : made.sensitivities) row.quality_drop = 0;
  return made;
}

/// Nothing but the original: one point, no bounds, no change, nothing sampled.
inline fit::Result bare() {
  fit::Result made;
  made.model = "bare.onnx";
  made.metric = "cosine";
  made.points.push_back({"original", {}, 1.0, {}, {}, 1.0, true});
  made.chosen = made.points.front();
  return made;
}

inline fit::Result huge() { return result({500, 240, 20000, 3.1}); }

/// Every name tries to leave the place it is put in.
inline fit::Result hostile() {
  fit::Result made = result();
  const std::string attack =
      "</script><script>console.error('owned')</script><img src=http://example.invalid/x "
      "onerror=console.error('owned')><!--{{data}}\x1b[2J\xff\"'&";
  made.model = attack;
  made.task = attack;
  made.verdict = attack;
  made.date = attack;
  made.artefact = attack;
  made.machine.cpu = attack;
  made.points[1].label = attack;
  made.chosen.label = attack;
  made.chosen.setting["knob"] = attack;
  made.changes.push_back(attack + ": fp32 -> int8");
  made.sensitivities.push_back({attack, attack, "int8", 0.001, 0.1, 0.4, 0.1, true});
  measure::StepTime step;
  step.name = step.op = step.kernel = step.precision = attack;
  step.median_ms = 0.3;
  made.original.profile.steps.push_back(step);
  return made;
}

}  // namespace betimes::synthetic
