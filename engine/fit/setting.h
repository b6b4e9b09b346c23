#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

namespace betimes::fit {

using Value = std::variant<bool, int64_t, double, std::string>;
/// A value for every knob, by the knob's name: "threads" -> 1, "calibration" -> "entropy",
/// "precision/conv3" -> "int8".
using Setting = std::map<std::string, Value>;
std::string to_string(const Value& value);
/// "calibration=entropy threads=1", in the order of the names.
std::string to_string(const Setting& setting);

}  // namespace betimes::fit
