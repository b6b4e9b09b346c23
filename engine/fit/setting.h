#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace betimes::fit {

using Value = std::variant<bool, int64_t, double, std::string>;
/// A value for every knob, by the knob's name: "threads" -> 1, "calibration" -> "entropy",
/// "precision/conv3" -> "int8".
using Setting = std::map<std::string, Value>;
std::string to_string(const Value& value);

/// A named choice that trades quality for latency.
struct Knob {
  std::string name;
  std::vector<Value> domain;
  Value standard;  // what the original model has
};

}  // namespace betimes::fit
