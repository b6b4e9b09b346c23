#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/fit/knob_space.h"

namespace betimes::fit {
namespace {

// Differences of 64-bit integers that don't overflow.
uint64_t distance(int64_t low, int64_t high) {
  return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
}

uint64_t count_of(const Integers& domain) {
  return distance(domain.low, domain.high) / static_cast<uint64_t>(domain.step) + 1;
}

int64_t integer_at(const Integers& domain, uint64_t index) {
  return static_cast<int64_t>(static_cast<uint64_t>(domain.low) +
                              index * static_cast<uint64_t>(domain.step));
}

}  // namespace

double share_of(const Reals& domain, double value) {
  const double share = domain.logarithmic
                           ? std::log(value / domain.low) / std::log(domain.high / domain.low)
                           : (value - domain.low) / (domain.high - domain.low);
  return std::clamp(share, 0.0, 1.0);
}

double real_at(const Reals& domain, double share) {
  if (share <= 0) return domain.low;
  if (share >= 1) return domain.high;
  const double value =
      domain.logarithmic
          ? std::exp(std::log(domain.low) + share * std::log(domain.high / domain.low))
          : domain.low + share * (domain.high - domain.low);
  return std::clamp(value, domain.low, domain.high);  // exp(log(x)) may miss x by a hair
}

Domain flag() { return Categories{{false, true}}; }

std::optional<uint64_t> count(const Domain& domain) {
  if (const auto* categories = std::get_if<Categories>(&domain)) return categories->values.size();
  if (const auto* integers = std::get_if<Integers>(&domain)) return count_of(*integers);
  return std::nullopt;
}

Value value_at(const Domain& domain, uint64_t index) {
  if (const auto* categories = std::get_if<Categories>(&domain)) return categories->values[index];
  return integer_at(std::get<Integers>(domain), index);
}

std::optional<uint64_t> index_of(const Domain& domain, const Value& value) {
  if (const auto* categories = std::get_if<Categories>(&domain)) {
    const auto found = std::find(categories->values.begin(), categories->values.end(), value);
    if (found == categories->values.end()) return std::nullopt;
    return static_cast<uint64_t>(found - categories->values.begin());
  }
  const auto* integers = std::get_if<Integers>(&domain);
  const auto* number = std::get_if<int64_t>(&value);
  if (!integers || !number || *number < integers->low || *number > integers->high) {
    return std::nullopt;
  }
  const uint64_t above = distance(integers->low, *number);
  const auto step = static_cast<uint64_t>(integers->step);
  return above % step == 0 ? std::optional(above / step) : std::nullopt;
}

bool contains(const Domain& domain, const Value& value) {
  const auto* reals = std::get_if<Reals>(&domain);
  if (!reals) return index_of(domain, value).has_value();
  const auto* number = std::get_if<double>(&value);
  return number && *number >= reals->low && *number <= reals->high;
}

std::vector<Value> levels(const Domain& domain, size_t most) {
  if (const auto* categories = std::get_if<Categories>(&domain)) return categories->values;
  std::vector<Value> result;
  most = std::max<size_t>(most, 2);
  if (const auto* reals = std::get_if<Reals>(&domain)) {
    for (size_t i = 0; i < most; ++i) {
      result.emplace_back(real_at(*reals, static_cast<double>(i) / static_cast<double>(most - 1)));
    }
    return result;
  }
  const auto& integers = std::get<Integers>(domain);
  const uint64_t all = count_of(integers);
  const size_t taken = all != 0 && all < most ? static_cast<size_t>(all) : most;
  for (size_t i = 0; i < taken; ++i) {
    const uint64_t last = all - 1;
    // In parts, because last * i may overflow.
    const uint64_t parts = taken > 1 ? taken - 1 : 1;
    result.emplace_back(integer_at(integers, last / parts * i + last % parts * i / parts));
  }
  return result;
}

std::string to_string(const Domain& domain) {
  if (const auto* categories = std::get_if<Categories>(&domain)) {
    std::string text;
    constexpr size_t shown = 12;
    for (size_t i = 0; i < std::min(shown, categories->values.size()); ++i) {
      text += (i == 0 ? "" : ", ") + to_string(categories->values[i]);
    }
    if (categories->values.size() > shown) {
      text += fmt::format(", ... ({} values)", categories->values.size());
    }
    return "one of " + text;
  }
  if (const auto* integers = std::get_if<Integers>(&domain)) {
    const std::string range = fmt::format("{} to {}", integers->low, integers->high);
    return integers->step == 1 ? range : range + fmt::format(" in steps of {}", integers->step);
  }
  const auto& reals = std::get<Reals>(domain);
  const std::string range = fmt::format("{:.6g} to {:.6g}", reals.low, reals.high);
  return reals.logarithmic ? range + " (logarithmic)" : range;
}

}  // namespace betimes::fit
