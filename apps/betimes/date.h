#pragma once

#include <string>

namespace betimes::cli {

/// This moment in UTC, "2026-11-27T17:32Z", or in another form of std::strftime's.
std::string utc_now(const char* form = "%Y-%m-%dT%H:%MZ");

}  // namespace betimes::cli
