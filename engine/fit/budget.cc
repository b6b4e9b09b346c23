#include "betimes/fit/budget.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

constexpr std::string_view forms = "a form like 5ms, 800us, p99<=5ms or p50<2ms,p99<=4ms";
constexpr std::array<std::string_view, 4> statistics = {"p50", "p90", "p99", "mean"};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A number and the unit behind it; nullopt when the text doesn't start with a number.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || !std::isfinite(value)) return std::nullopt;
  const auto used = static_cast<size_t>(end - text.data());
  return std::make_pair(value, trim(text.substr(used)));
}

std::optional<double> parse_milliseconds(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> units = {
      {{"ms", 1.0}, {"us", 1e-3}, {"s", 1e3}, {"ns", 1e-6}}};
  const auto parsed = number_and_unit(text);
  if (!parsed || parsed->first <= 0) return std::nullopt;
  for (const auto& [unit, factor] : units) {
    if (parsed->second == unit) return parsed->first * factor;
  }
  return std::nullopt;
}

Bound parse_bound(std::string_view whole, std::string_view part) {
  Bound bound{"p99", 0};
  std::string_view time = part;
  if (const auto less = part.find('<'); less != std::string_view::npos) {
    bound.statistic = std::string(trim(part.substr(0, less)));
    const bool with_equal = less + 1 < part.size() && part[less + 1] == '=';
    time = trim(part.substr(less + (with_equal ? 2 : 1)));
  }
  const std::string where = "budget '" + std::string(whole) + "'";
  if (std::find(statistics.begin(), statistics.end(), bound.statistic) == statistics.end()) {
    throw Error(where, "'" + bound.statistic + "' isn't a statistic that can be bounded",
                "p50, p90, p99 or mean");
  }
  const auto milliseconds = parse_milliseconds(time);
  if (!milliseconds) {
    throw Error(where, "'" + std::string(time) + "' isn't a positive time", forms);
  }
  bound.milliseconds = *milliseconds;
  return bound;
}

double statistic_of(const Bound& bound, const measure::Latency& latency) {
  if (bound.statistic == "p50") return latency.p50.value;
  if (bound.statistic == "p90") return latency.p90.value;
  if (bound.statistic == "mean") return latency.mean_ms;
  return latency.p99.value;
}

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

}  // namespace

Budget parse_budget(std::string_view text) {
  Budget budget;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const std::string_view part = trim(rest.substr(0, comma));
    if (part.empty()) throw Error("budget '" + std::string(text) + "'", "has an empty part", forms);
    budget.bounds.push_back(parse_bound(text, part));
    if (comma == std::string_view::npos) return budget;
    rest = rest.substr(comma + 1);
  }
}

size_t parse_bytes(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 9> units = {{{"", 1},
                                                                         {"B", 1},
                                                                         {"KB", 1e3},
                                                                         {"kB", 1e3},
                                                                         {"MB", 1e6},
                                                                         {"GB", 1e9},
                                                                         {"KiB", 1024.0},
                                                                         {"MiB", 1048576.0},
                                                                         {"GiB", 1073741824.0}}};
  const auto parsed = number_and_unit(trim(text));
  if (parsed && parsed->first > 0) {
    for (const auto& [unit, factor] : units) {
      const double bytes = parsed->first * factor;
      if (parsed->second == unit && bytes < 9e18) return static_cast<size_t>(bytes);
    }
  }
  throw Error("size '" + std::string(text) + "'", "isn't a positive number of bytes",
              "a form like 1500000, 512KB or 4MiB");
}

std::string to_string(const Budget& budget) {
  std::string text;
  for (const Bound& bound : budget.bounds) {
    if (!text.empty()) text += ",";
    text += bound.statistic + "<=" + format("%.4gms", bound.milliseconds);
  }
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ",") + part; };
  if (budget.quality_floor) add("quality>=" + format("%.4g", *budget.quality_floor));
  if (budget.memory) add("memory<=" + std::to_string(*budget.memory) + "B");
  return text;
}

double pressure(const Budget& budget, const measure::Latency& latency) {
  double worst = 0;
  for (const Bound& bound : budget.bounds) {
    worst = std::max(worst, statistic_of(bound, latency) / bound.milliseconds);
  }
  return worst;
}

bool latency_met(const Budget& budget, const measure::Latency& latency) {
  return pressure(budget, latency) <= 1.0;
}

}  // namespace betimes::fit
