#include "systems/search/common/latency_table.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/import/csv.h"

namespace betimes::systems::search {
namespace {

constexpr const char* header_key = "layer";
constexpr const char* header_ms = "ms";

void check_lengths(const std::vector<double>& predicted, const std::vector<double>& measured,
                   size_t least) {
  if (predicted.size() != measured.size() || predicted.size() < least) {
    throw Error(
        "calibration",
        fmt::format("has {} predictions and {} measurements", predicted.size(), measured.size()),
        fmt::format("equally many, {} at least", least));
  }
}

}  // namespace

void LatencyTable::add(const std::string& key, double ms) {
  if (!(ms > 0) || !std::isfinite(ms)) {
    throw Error("'" + key + "'", fmt::format("takes {} ms", ms), "a positive number");
  }
  if (!times_.emplace(key, ms).second) throw Error("'" + key + "'", "is in the table already");
}

bool LatencyTable::has(const Layer& layer) const {
  return layer.op == Operator::zero || times_.contains(key(layer));
}

double LatencyTable::ms(const Layer& layer) const {
  if (layer.op == Operator::zero) return 0;
  const auto found = times_.find(key(layer));
  if (found == times_.end()) throw Error("latency table", "has no layer '" + key(layer) + "'");
  return found->second;
}

double LatencyTable::sum(const std::vector<Layer>& layers) const {
  double total = 0;
  for (const Layer& layer : layers) total += ms(layer);
  return total;
}

std::string LatencyTable::csv() const {
  std::string text = fmt::format("{},{}\n", header_key, header_ms);
  for (const auto& [key, ms] : times_) text += fmt::format("{},{:.9g}\n", key, ms);
  return text;
}

LatencyTable LatencyTable::parse(std::string_view csv, const std::string& where) {
  const std::vector<import::CsvRow> rows = import::parse_csv(csv, where);
  if (rows.empty() || rows[0].fields != std::vector<std::string>{header_key, header_ms}) {
    throw Error(where, "doesn't begin with its columns", "layer,ms");
  }
  LatencyTable table;
  for (size_t i = 1; i < rows.size(); ++i) {
    const auto& fields = rows[i].fields;
    const std::string line = fmt::format("{}, line {}", where, rows[i].line);
    if (fields.size() != 2) throw Error(line, "hasn't two fields");
    double ms = 0;
    const char* end = fields[1].data() + fields[1].size();
    const auto [at, error] = std::from_chars(fields[1].data(), end, ms);
    if (error != std::errc() || at != end) {
      throw Error(line, "'" + fields[1] + "' isn't a number");
    }
    try {
      table.add(fields[0], ms);
    } catch (const Error& problem) {
      throw Error(line, problem.what());
    }
  }
  return table;
}

Affine fit_affine(const std::vector<double>& predicted, const std::vector<double>& measured) {
  check_lengths(predicted, measured, 2);
  const auto n = static_cast<double>(predicted.size());
  double x = 0, y = 0;
  for (size_t i = 0; i < predicted.size(); ++i) {
    x += predicted[i] / n;
    y += measured[i] / n;
  }
  double xx = 0, xy = 0;
  for (size_t i = 0; i < predicted.size(); ++i) {
    xx += (predicted[i] - x) * (predicted[i] - x);
    xy += (predicted[i] - x) * (measured[i] - y);
  }
  if (!(xx > 0)) throw Error("calibration", "has predictions that are all alike");
  return {y - xy / xx * x, xy / xx};
}

double mean_relative_error(const std::vector<double>& predicted,
                           const std::vector<double>& measured) {
  check_lengths(predicted, measured, 1);
  double sum = 0;
  for (size_t i = 0; i < predicted.size(); ++i) sum += std::abs(predicted[i] / measured[i] - 1);
  return sum / static_cast<double>(predicted.size());
}

}  // namespace betimes::systems::search
