#include "betimes/system/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "betimes/base/error.h"

namespace betimes::system {
namespace {

template <class Number>
Number parse(const std::string& name, const std::string& text, Number low, Number high,
             const char* kind) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [at, problem] = std::from_chars(text.data(), end, value);
  // Not "value < low": NaN must be refused.
  if (problem != std::errc() || at != end || !(value >= low && value <= high)) {
    throw Error("--set " + name, fmt::format("is '{}'", text),
                fmt::format("a {} from {} to {}", kind, low, high));
  }
  return value;
}

}  // namespace

Settings::Settings(std::map<std::string, std::string> given, std::string whose)
    : given_(std::move(given)), whose_(std::move(whose)) {}

const std::string* Settings::find(const std::string& name) {
  asked_.push_back(name);
  const auto at = given_.find(name);
  return at == given_.end() ? nullptr : &at->second;
}

void Settings::number(const std::string& name, double& target, double low, double high) {
  if (const std::string* text = find(name)) target = parse(name, *text, low, high, "number");
}

int64_t Settings::whole_or(const std::string& name, int64_t otherwise, int64_t low, int64_t high) {
  const std::string* text = find(name);
  return text ? parse(name, *text, low, high, "whole number") : otherwise;
}

std::optional<size_t> Settings::place_of(const std::string& name,
                                         const std::vector<std::string>& names) {
  const std::string* text = find(name);
  if (!text) return std::nullopt;
  const auto at = std::find(names.begin(), names.end(), *text);
  if (at == names.end()) {
    throw Error("--set " + name, fmt::format("is '{}'", *text),
                fmt::format("{}", fmt::join(names, " or ")));
  }
  return static_cast<size_t>(at - names.begin());
}

void Settings::finish() const {
  for (const auto& [name, value] : given_) {
    if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
    throw Error("--set " + name, "is no setting of " + whose_,
                asked_.empty() ? "none" : fmt::format("{}", fmt::join(asked_, ", ")));
  }
}

}  // namespace betimes::system
