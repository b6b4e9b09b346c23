#include <nlohmann/json.hpp>

#include "betimes/report/detail/measure_json.h"
#include "betimes/report/detail/runtime_facts.h"
#include "betimes/report/measured.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;
using measure::Latency;
using measure::Percentile;

/// p50, p90, p99 and, where another was asked for, that.
Json percentiles(const Latency& latency, double Percentile::*member) {
  Json object = {
      {"p50", latency.p50.*member}, {"p90", latency.p90.*member}, {"p99", latency.p99.*member}};
  object[measure::percentile_name(latency.percentile)] = latency.asked.*member;
  return object;
}

}  // namespace

std::string render_json(const Measured& measured) {
  const Latency& latency = measured.latency;
  const Json object = {{"model", measured.model},
                       {"threads", measured.threads},
                       {"isa", measured.machine.isa},
                       {"latency_ms", percentiles(latency, &Percentile::value)},
                       {"latency_low_ms", percentiles(latency, &Percentile::low)},
                       {"latency_high_ms", percentiles(latency, &Percentile::high)},
                       {"percentile", measure::percentile_name(latency.percentile)},
                       {"bound_ms", latency.valid ? Json(latency.asked.bound) : Json(nullptr)},
                       {"mean_ms", latency.mean_ms},
                       {"deviation_ms", latency.deviation_ms},
                       {"first_ms", latency.first_ms},
                       {"timer_ms", latency.timer_ms},
                       {"runs", latency.runs},
                       {"warmup_runs", latency.warmup_runs},
                       {"drift_stopped", latency.drift_stopped},
                       {"valid", latency.valid},
                       {"invalid_reason", latency.invalid_reason},
                       {"more_runs", latency.asked.more_runs},
                       {"seed", measured.seed},
                       {"memory", detail::memory_json(measured.memory)},
                       {"machine", detail::machine_json(measured.machine)},
                       {"profile", detail::steps_json(measured.profile)},
                       {"profile_total_ms", measured.profile.total_ms},
                       {"profile_overhead_ms", measured.profile.overhead_ms},
                       {"profile_scatter_ms", measured.profile.total_ms - measured.profile.sum_ms}};
  // Names come from model files and needn't be UTF-8; what isn't is replaced, not refused.
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_json(const MeasuredShapes& measured) {
  Json shapes = Json::array();
  for (const measure::ShapeLatency& each : measured.found.shapes) {
    const Latency& latency = each.latency;
    shapes.push_back({{"shapes", each.shapes},
                      {"compile_ms", each.compile_ms},
                      {"latency_ms", percentiles(latency, &Percentile::value)},
                      {"latency_low_ms", percentiles(latency, &Percentile::low)},
                      {"latency_high_ms", percentiles(latency, &Percentile::high)},
                      {"percentile", measure::percentile_name(latency.percentile)},
                      {"runs", latency.runs},
                      {"valid", latency.valid},
                      {"invalid_reason", latency.invalid_reason}});
  }
  const Json object = {
      {"model", measured.model},
      {"threads", measured.threads},
      {"isa", measured.isa},
      {"seed", measured.seed},
      {"plans", detail::counts_json(measured.found.counts)},
      {"huge_page_bytes", measured.huge_page_bytes ? Json(*measured.huge_page_bytes) : Json()},
      {"measured", std::move(shapes)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace betimes::report
