#include "betimes/fit/setting.h"

#include <cstdio>

namespace betimes::fit {

std::string to_string(const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const int64_t* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", std::get<double>(value));
  return text;
}

std::string to_string(const Setting& setting) {
  std::string text;
  for (const auto& [name, value] : setting) {
    if (!text.empty()) text += ' ';
    text += name + '=' + to_string(value);
  }
  return text;
}

}  // namespace betimes::fit
