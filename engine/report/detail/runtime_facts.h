#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "betimes/report/measured.h"
#include "betimes/runtime/dynamic_session.h"

namespace betimes::report::detail {

/// What plans hold and cost, as `measure` and `run` print it; docs/json.md describes the objects.
nlohmann::ordered_json memory_json(const MemoryUse& memory);
nlohmann::ordered_json counts_json(const runtime::PlanCounts& counts);
std::string memory_text(const MemoryUse& memory);
std::string counts_text(const runtime::PlanCounts& counts);
/// "3.1 MB on huge pages", or that the system gave none.
std::string huge_pages_text(size_t bytes);

}  // namespace betimes::report::detail
