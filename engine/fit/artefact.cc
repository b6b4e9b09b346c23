#include "betimes/fit/artefact.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

using nlohmann::json;

constexpr const char* setting_key = "betimes.setting";
constexpr const char* device_key = "betimes.device";
constexpr const char* evidence_key = "betimes.evidence";

/// Node names come from files and need not be valid UTF-8.
std::string text(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

json setting_json(const Setting& setting) {
  json object = json::object();
  for (const auto& [knob, value] : setting) {
    std::visit([&, &name = knob](const auto& v) { object[name] = v; }, value);
  }
  return object;
}

json device_json(const measure::Machine& machine, int threads) {
  return {{"cpu", machine.cpu},
          {"isa", machine.isa},
          {"threads", threads},
          {"read_gb_per_s", machine.read_gb_per_s},
          {"peak_gflops_fp32", machine.peak_gflops_fp32},
          {"peak_gops_int8", machine.peak_gops_int8},
          {"onednn", machine.onednn}};
}

json latency_json(const measure::Latency& latency) {
  return {{"p50", latency.p50.value},
          {"p90", latency.p90.value},
          {"p99", latency.p99.value},
          {"runs", latency.runs},
          {"valid", latency.valid}};
}

json evidence_json(const Result& result) {
  return {
      {"budget", to_string(result.budget)},
      {"met", result.met},
      {"verified", result.predicted_for.empty()},
      {"device", result.predicted_for.empty() ? "the one it was made on" : result.predicted_for},
      {"metric", result.metric},
      {"task", result.task},
      {"original",
       {{"latency_ms", latency_json(result.original.latency)},
        {"quality", result.original.quality.value}}},
      {"fitted",
       {{"latency_ms", latency_json(result.fitted.latency)},
        {"quality", result.fitted.quality.value},
        {"predicted_ms", result.chosen.predicted_ms}}},
      {"seed", result.seed}};
}

/// Whether `graph` can be run at two batch sizes other than the one it was folded for, giving
/// outputs that grow with the batch.
bool works_with_any_batch(const graph::Graph& candidate) {
  try {
    for (const int64_t batch : {2, 3}) {
      std::map<std::string, Shape> shapes;
      for (const graph::ValueInfo& input : candidate.inputs) {
        Shape shape;
        for (const graph::Dim& dim : *input.dims) {
          shape.push_back(dim.extent >= 0 ? dim.extent : batch);
        }
        shapes[input.name] = shape;
      }
      const graph::StaticGraph fixed = graph::specialize(candidate, shapes);
      for (const graph::ValueInfo& output : fixed.graph.outputs) {
        const Shape& shape = fixed.types.at(output.name).shape;
        if (shape.empty() || shape[0] != batch) return false;
      }
    }
  } catch (const Error&) {
    return false;
  }
  return true;
}

/// Only the first dimension of every input is symbolic.
bool only_batch_is_open(const graph::Graph& original) {
  for (const graph::ValueInfo& input : original.inputs) {
    if (!input.dims || input.dims->empty() || (*input.dims)[0].extent >= 0) return false;
    for (size_t i = 1; i < input.dims->size(); ++i) {
      if ((*input.dims)[i].extent < 0) return false;
    }
  }
  return true;
}

void restore_open_batch(const graph::Graph& original, graph::Graph& fitted) {
  if (!only_batch_is_open(original)) return;
  graph::Graph open = fitted;
  open.inputs = original.inputs;
  open.outputs = original.outputs;
  if (works_with_any_batch(open)) fitted = std::move(open);
}

std::string print(const char* format, double a, double b = 0, double c = 0) {
  char line[160];
  std::snprintf(line, sizeof line, format, a, b, c);
  return line;
}

}  // namespace

graph::Graph artefact(const graph::Graph& original, graph::Graph fitted,
                      const Assignment& assignment, const Result& result) {
  restore_open_batch(original, fitted);
  fitted.name = original.name;
  fitted.metadata = original.metadata;
  fitted.metadata[setting_key] = text(setting_json(to_setting(assignment)));
  fitted.metadata[device_key] = text(device_json(result.machine, assignment.threads));
  fitted.metadata[evidence_key] = text(evidence_json(result));
  return fitted;
}

runtime::CompileOptions artefact_options(const graph::Graph& graph) {
  runtime::CompileOptions options;
  const auto found = graph.metadata.find(setting_key);
  if (found == graph.metadata.end()) return options;
  const json setting = json::parse(found->second, nullptr, false);
  if (!setting.is_object()) {
    throw Error(std::string("metadata ") + setting_key, "isn't a JSON object",
                "what `betimes fit` wrote");
  }
  for (const auto& [knob, value] : setting.items()) {
    if (knob == "threads" && value.is_number_integer()) options.threads = value.get<int>();
    if (knob.starts_with("precision/") && value == "bf16") options.bf16.insert(knob.substr(10));
  }
  return options;
}

std::string verdict(const Result& result) {
  const double speedup =
      result.original.latency.p50.value / std::max(result.fitted.latency.p50.value, 1e-9);
  const std::string budget = to_string(result.budget);
  const std::string gain = print("%.2fx as fast as the original (p50)", speedup);
  const std::string change = print("%+.2f points of ", 100 * result.quality_change) + result.metric;
  const bool predicted = !result.predicted_for.empty();
  const std::string where = predicted ? result.predicted_for : "this machine";
  const std::string caution =
      predicted
          ? " Predicted for " + where + ": unverified until it is measured there." + result.cautions
          : "";
  if (!result.met) {
    return "The budget " + budget + " can't be kept on " + where +
           ": the nearest variant has p50 " +
           print("%.3g ms, p99 %.3g ms", result.fitted.latency.p50.value,
                 result.fitted.latency.p99.value) +
           ", " + gain + ", " + change + "." + caution;
  }
  if (result.changes.empty()) {
    return "The original keeps the budget " + budget + " as it is; nothing was changed." + caution;
  }
  return "Keeps the budget " + budget + ": " + gain + ", " + change + "." + caution;
}

}  // namespace betimes::fit
