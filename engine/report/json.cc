#include <nlohmann/json.hpp>

#include "betimes/report/detail/fit_json.h"
#include "betimes/report/detail/measure_json.h"
#include "betimes/report/detail/result_json.h"
#include "betimes/report/detail/summary.h"
#include "betimes/report/html.h"

namespace betimes::report {
namespace detail {
namespace {

using Json = nlohmann::ordered_json;

Json optional_number(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json variant_json(const fit::Variant& variant) {
  Json object;
  add_latency(object, variant.latency);
  add_quality(object, variant.quality);
  object["file_bytes"] = variant.file_bytes;
  object["memory_bytes"] = variant.memory_bytes;
  object["steps"] = steps_json(variant.profile);
  object["overhead_ms"] = variant.profile.overhead_ms;
  return object;
}

Json fitted_json(const fit::Result& result) {
  Json object = variant_json(result.fitted);
  object["predicted_ms"] = result.chosen.predicted_ms;
  object["predicted_quality"] = result.chosen.predicted_quality;
  object["label"] = result.chosen.label;
  object["setting"] = setting_json(result.chosen.setting);
  return object;
}

Json points_json(const fit::Result& result) {
  Json points = Json::array();
  for (const auto& point : result.points) {
    Json object = {{"label", point.label},
                   {"predicted_ms", point.predicted_ms},
                   {"measured_ms", optional_number(point.measured_ms)},
                   {"predicted_quality", point.predicted_quality}};
    add_quality(object, point.quality);
    object["on_frontier"] = point.on_frontier;
    object["chosen"] = point.label == result.chosen.label && point.setting == result.chosen.setting;
    object["setting"] = setting_json(point.setting);
    points.push_back(std::move(object));
  }
  return points;
}

Json changes_json(const fit::Result& result) {
  Json changes = Json::array();
  for (const Change& change : parse_changes(result.changes)) {
    changes.push_back({{"what", change.what}, {"from", change.from}, {"to", change.to}});
  }
  return changes;
}

Json sensitivities_json(const fit::Result& result) {
  Json rows = Json::array();
  for (const auto& row : result.sensitivities) {
    rows.push_back({{"node", row.node},
                    {"op", row.op},
                    {"precision", row.precision},
                    {"quality_drop", row.quality_drop},
                    {"output_error", row.output_error},
                    {"original_ms", row.original_ms},
                    {"lowered_ms", row.lowered_ms},
                    {"chosen", row.chosen}});
  }
  return rows;
}

Json agreement_json(const judge::Quality& agreement) {
  return {{"value", agreement.value},
          {"low", agreement.low},
          {"high", agreement.high},
          {"level", agreement.level},
          {"examples", agreement.examples}};
}

}  // namespace

Json result_json(const fit::Result& result) {
  Json object = {
      {"model", result.model},
      {"task", result.task},
      {"metric", result.metric},
      {"budget", budget_json(result.budget, result.budget_was_chosen)},
      {"met", result.met},
      {"headline", headline(result)},
      {"verdict", result.verdict},
      {"original", variant_json(result.original)},
      {"fitted", fitted_json(result)},
      {"speedup", speedup(result)},
      {"quality_change", result.quality_change},
      {"quality_change_low", result.quality_change_low},
      {"quality_change_high", result.quality_change_high},
      {"agreement", agreement_json(result.agreement)},
      {"changes", changes_json(result)},
      {"points", points_json(result)},
      {"fastest_ms", result.fastest_ms},
      {"best_quality", result.best_quality},
      {"sensitivities", sensitivities_json(result)},
      {"machine", machine_json(result.machine)},
      {"predicted_for", result.predicted_for.empty() ? Json() : Json(result.predicted_for)},
      {"threads", result.threads},
      {"seed", result.seed},
      {"seconds", result.seconds},
      {"date", result.date},
      {"artefact", result.artefact},
      {"report", result.report}};
  return object;
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string dump_for_script(const Json& json) {
  // Every one of these can only stand inside a string, where its escape means the same.
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char byte : text) {
    if (byte == '<') {
      safe += "\\u003c";
    } else if (byte == '>') {
      safe += "\\u003e";
    } else if (byte == '&') {
      safe += "\\u0026";
    } else {
      safe += byte;
    }
  }
  return safe;
}

}  // namespace detail

std::string render_json(const fit::Result& result) {
  return detail::dump(detail::result_json(result), 2);
}

}  // namespace betimes::report
