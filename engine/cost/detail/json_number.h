#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace betimes::cost::detail {

/// A whole number from `low` to `high`; nullopt for anything else, numbers beyond 64 bits included.
template <class Json>
std::optional<int64_t> whole_number(const Json& value, int64_t low, int64_t high) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.template get<uint64_t>() > INT64_MAX) return std::nullopt;
  const auto number = value.template get<int64_t>();
  if (number < low || number > high) return std::nullopt;
  return number;
}

/// A value as messages show it: a number as it is, of anything else only what it is; what a hostile
/// file nests ever so deep isn't walked through.
template <class Json>
std::string shown(const Json& value) {
  return value.is_number() || value.is_boolean() ? value.dump()
                                                 : std::string("a ") + value.type_name();
}

}  // namespace betimes::cost::detail
