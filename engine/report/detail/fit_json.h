#pragma once

#include <nlohmann/json_fwd.hpp>

#include "betimes/fit/budget.h"
#include "betimes/fit/setting.h"
#include "betimes/judge/task.h"
#include "betimes/measure/latency.h"

namespace betimes::report::detail {

/// What the objects of the fits of graphs and of workloads have in common; docs/json.md describes
/// them.
nlohmann::ordered_json budget_json(const fit::Budget& budget, bool chosen);
nlohmann::ordered_json setting_json(const fit::Setting& setting);
/// Keys of a variant's object.
void add_latency(nlohmann::ordered_json& object, const measure::Latency& latency);
void add_quality(nlohmann::ordered_json& object, const judge::Quality& quality);

}  // namespace betimes::report::detail
