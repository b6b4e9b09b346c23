#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

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

}  // namespace betimes::cost::detail
