#include "betimes/fit/searches/detail/parameters.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::fit::detail {
namespace {

template <class Number>
bool parse(const std::string& text, Number& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Parameters::Parameters(std::string search, const std::string& text) : search_(std::move(search)) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error("search '" + search_ + "'", "'" + part + "' isn't a parameter", "name=value");
    }
    if (!values_.emplace(part.substr(0, equals), part.substr(equals + 1)).second) {
      throw Error(where(part.substr(0, equals)), "is given twice");
    }
    begin = end + 1;
  }
}

std::string Parameters::where(const std::string& name) const {
  return fmt::format("search '{}', parameter '{}'", search_, name);
}

int Parameters::count(const std::string& name, int standard, int low, int high) {
  known_[name] = true;
  const auto found = values_.find(name);
  if (found == values_.end()) return standard;
  int value = 0;
  if (!parse(found->second, value) || value < low || value > high) {
    throw Error(where(name), "can't be '" + found->second + "'",
                fmt::format("{} to {}", low, high));
  }
  return value;
}

double Parameters::number(const std::string& name, double standard, double low, double high) {
  known_[name] = true;
  const auto found = values_.find(name);
  if (found == values_.end()) return standard;
  double value = 0;
  if (!parse(found->second, value) || !(value >= low && value <= high)) {
    throw Error(where(name), "can't be '" + found->second + "'",
                fmt::format("{:.4g} to {:.4g}", low, high));
  }
  return value;
}

std::string Parameters::text(const std::string& name, const std::string& standard) {
  known_[name] = true;
  const auto found = values_.find(name);
  return found == values_.end() ? standard : found->second;
}

void Parameters::finish() const {
  std::string names;
  for (const auto& [name, known] : known_) names += (names.empty() ? "" : ", ") + name;
  for (const auto& [name, value] : values_) {
    if (!known_.contains(name)) {
      throw Error(where(name), "is unknown", names.empty() ? "no parameters" : names);
    }
  }
}

}  // namespace betimes::fit::detail
