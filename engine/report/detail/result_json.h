#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "betimes/fit/result.h"

namespace betimes::report::detail {

/// The object of `fit --json`; docs/json.md describes it.
nlohmann::ordered_json result_json(const fit::Result& result);

/// JSON text in valid UTF-8 whatever the strings hold; infinities and NaN become null.
std::string dump(const nlohmann::ordered_json& json, int indent);

/// JSON text that may stand in an HTML <script> element: no '<', '>', '&' or line separator is left
/// unescaped, so that no name can end the element.
std::string dump_for_script(const nlohmann::ordered_json& json);

}  // namespace betimes::report::detail
