#include "betimes/report/detail/fit_json.h"

#include <nlohmann/json.hpp>

namespace betimes::report::detail {
namespace {

using Json = nlohmann::ordered_json;

Json optional_number(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json percentiles(const measure::Latency& latency, double measure::Percentile::*member) {
  return {{"p50", latency.p50.*member}, {"p90", latency.p90.*member}, {"p99", latency.p99.*member}};
}

}  // namespace

Json budget_json(const fit::Budget& budget, bool chosen) {
  Json bounds = Json::array();
  for (const auto& bound : budget.bounds) {
    bounds.push_back({{"statistic", bound.statistic}, {"ms", bound.milliseconds}});
  }
  return {{"text", fit::to_string(budget)},
          {"bounds", bounds},
          {"quality_floor", optional_number(budget.quality_floor)},
          {"memory_bytes", optional_number(budget.memory)},
          {"chosen_here", chosen}};
}

Json setting_json(const fit::Setting& setting) {
  Json object = Json::object();
  for (const auto& [name, value] : setting) {
    std::visit([&object, &key = name](const auto& held) { object[key] = held; }, value);
  }
  return object;
}

void add_latency(Json& object, const measure::Latency& latency) {
  Json values = percentiles(latency, &measure::Percentile::value);
  values["mean"] = latency.mean_ms;
  values["first"] = latency.first_ms;
  object["latency_ms"] = std::move(values);
  object["latency_low_ms"] = percentiles(latency, &measure::Percentile::low);
  object["latency_high_ms"] = percentiles(latency, &measure::Percentile::high);
  object["runs"] = latency.runs;
  object["warmup_runs"] = latency.warmup_runs;
  object["drift_stopped"] = latency.drift_stopped;
  object["valid"] = latency.valid;
  object["invalid_reason"] = latency.invalid_reason;
}

void add_quality(Json& object, const judge::Quality& quality) {
  object["quality"] = quality.value;
  object["quality_low"] = quality.low;
  object["quality_high"] = quality.high;
  object["quality_level"] = quality.level;
  object["examples"] = quality.examples;
}

}  // namespace betimes::report::detail
