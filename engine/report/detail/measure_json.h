#pragma once

#include <nlohmann/json_fwd.hpp>

#include "betimes/measure/machine.h"
#include "betimes/measure/profile.h"

namespace betimes::report::detail {

/// The objects that `measure --json` and `fit --json` have in common; docs/json.md describes them.
nlohmann::ordered_json machine_json(const measure::Machine& machine);
nlohmann::ordered_json steps_json(const measure::Profile& profile);

}  // namespace betimes::report::detail
