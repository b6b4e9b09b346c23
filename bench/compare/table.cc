#include "bench/compare/table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

namespace betimes::bench {
namespace {

constexpr const char* header =
    "| model | threads | Betimes p50 | p99 | ONNX Runtime p50 | p99 | call | ratio (95 %) | raw "
    "| runs | outputs differ |\n|---|---|---|---|---|---|---|---|---|---|---|\n";

std::string row(const Comparison& c) {
  return fmt::format(
      "| {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | **{:.2f}** ({:.2f}-{:.2f}) | "
      "{:.2f} "
      "| {} | {:.0e} |\n",
      c.model, c.threads, c.ours.p50_ms, c.ours.p99_ms, c.theirs.p50_ms, c.theirs.p99_ms, c.call_ms,
      c.ratio, c.interval.low, c.interval.high, c.raw_ratio, c.runs, c.difference);
}

std::vector<const Comparison*> with(const Outcome& outcome, const std::string& precision,
                                    int threads) {
  std::vector<const Comparison*> found;
  for (const Comparison& each : outcome.comparisons) {
    if (each.precision == precision && each.threads == threads) found.push_back(&each);
  }
  return found;
}

template <class T>
std::vector<T> distinct(const Outcome& outcome, T Comparison::*member) {
  std::vector<T> values;
  for (const Comparison& each : outcome.comparisons) {
    const T& value = each.*member;
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

std::string means(const Outcome& outcome, const std::string& precision) {
  std::string text;
  for (const int threads : distinct(outcome, &Comparison::threads)) {
    const auto chosen = with(outcome, precision, threads);
    if (chosen.empty()) continue;
    const MeanRatio mean = geometric_mean(chosen, outcome.seed);
    text += fmt::format("{}Geometric mean, {} thread{}: **{:.2f}** ({:.2f}-{:.2f}).\n",
                        text.empty() ? "" : " ", threads, threads == 1 ? "" : "s", mean.ratio,
                        mean.interval.low, mean.interval.high);
  }
  return text;
}

}  // namespace

std::string markdown(const Outcome& outcome) {
  std::string text = fmt::format("{} Peer: onnxruntime-node {}. Latencies in milliseconds.\n",
                                 outcome.environment, outcome.peer_version);
  for (const std::string& precision : distinct(outcome, &Comparison::precision)) {
    text += fmt::format("\n### {}\n\n{}", precision, header);
    for (const int threads : distinct(outcome, &Comparison::threads)) {
      for (const Comparison* each : with(outcome, precision, threads)) text += row(*each);
    }
    text += fmt::format("\n{}", means(outcome, precision));
  }
  if (!outcome.left_out.empty()) text += "\nNot run:\n\n";
  for (const std::string& reason : outcome.left_out) text += fmt::format("- {}\n", reason);
  return text;
}

std::string json(const Outcome& outcome) {
  using nlohmann::json;
  json rows = json::array();
  for (const Comparison& c : outcome.comparisons) {
    rows.push_back({{"model", c.model},
                    {"precision", c.precision},
                    {"threads", c.threads},
                    {"ours_ms", {{"p50", c.ours.p50_ms}, {"p99", c.ours.p99_ms}}},
                    {"theirs_ms", {{"p50", c.theirs.p50_ms}, {"p99", c.theirs.p99_ms}}},
                    {"call_ms", c.call_ms},
                    {"ratio", c.ratio},
                    {"ratio_interval", {c.interval.low, c.interval.high}},
                    {"raw_ratio", c.raw_ratio},
                    {"runs", c.runs},
                    {"difference", c.difference}});
  }
  json means = json::array();
  for (const std::string& precision : distinct(outcome, &Comparison::precision)) {
    for (const int threads : distinct(outcome, &Comparison::threads)) {
      const auto chosen = with(outcome, precision, threads);
      if (chosen.empty()) continue;
      const MeanRatio mean = geometric_mean(chosen, outcome.seed);
      means.push_back({{"precision", precision},
                       {"threads", threads},
                       {"models", chosen.size()},
                       {"ratio", mean.ratio},
                       {"ratio_interval", {mean.interval.low, mean.interval.high}}});
    }
  }
  return json{{"peer", "onnxruntime-node " + outcome.peer_version},
              {"environment", outcome.environment},
              {"comparisons", rows},
              {"geometric_means", means},
              {"left_out", outcome.left_out}}
      .dump(2);
}

}  // namespace betimes::bench
