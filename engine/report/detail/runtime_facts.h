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
/// "31.2 GB/s read, 118 GFLOP/s fp32, ...": what a machine can do at most.
std::string peaks(const measure::Machine& machine);
/// "3.1 MB on huge pages", or that the system gave none.
std::string huge_pages_text(size_t bytes);

}  // namespace betimes::report::detail
