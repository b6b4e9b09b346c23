#include "systems/hardware/wa-hls4ml/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/csv.h"
#include "betimes/import/gzip.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr size_t largest_file = size_t{64} << 20;

// In the order of Target.
constexpr std::array<const char*, targets> cost_columns = {
    "WorstLatency_hls", "FF_hls", "LUT_hls", "BRAM_18K_hls", "DSP_hls", "IntervalMax_hls"};

std::string file(const std::string& data, Strategy strategy) {
  return fmt::format("{}/wa-hls4ml/{}_strategy.csv.gz", data, name(strategy));
}

class Sheet {
 public:
  Sheet(std::string_view text, const std::string& path)
      : path_(path), rows_(import::parse_csv(text, path)) {
    if (rows_.empty()) throw Error(path, "is empty", "a line with the columns' names");
    for (const import::CsvRow& row : rows_) {
      if (row.fields.size() != rows_[0].fields.size()) {
        throw Error(fmt::format("{}, line {}", path, row.line),
                    fmt::format("has {} fields", row.fields.size()),
                    std::to_string(rows_[0].fields.size()));
      }
    }
  }

  size_t column(const char* name) const {
    const auto& names = rows_[0].fields;
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) throw Error(path_, fmt::format("has no column {}", name));
    return static_cast<size_t>(found - names.begin());
  }
  size_t size() const { return rows_.size() - 1; }
  std::string line(size_t row) const { return fmt::format("{}, line {}", path_, at(row).line); }
  const std::string& text(size_t row, size_t column) const { return at(row).fields[column]; }

  template <class Number>
  Number number(size_t row, size_t column) const {
    const std::string& given = text(row, column);
    Number value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc() || end != given.data() + given.size()) {
      throw Error(line(row),
                  fmt::format("{}: '{}' isn't a number", rows_[0].fields[column], given));
    }
    return value;
  }
  double figure(size_t row, size_t column) const {
    const double value = number<double>(row, column);
    if (!std::isfinite(value) || value < 0) {
      throw Error(line(row), fmt::format("{} is {}", rows_[0].fields[column], value),
                  "a finite number from 0");
    }
    return value;
  }

 private:
  const import::CsvRow& at(size_t row) const { return rows_[row + 1]; }

  std::string path_;
  std::vector<import::CsvRow> rows_;
};

/// The columns of a table by what they mean.
struct Columns {
  size_t n_in, n_out, precision, reuse, strategy, success;
  std::array<size_t, targets> costs;

  explicit Columns(const Sheet& sheet)
      : n_in(sheet.column("d_in")),
        n_out(sheet.column("d_out")),
        precision(sheet.column("prec")),
        reuse(sheet.column("rf")),
        strategy(sheet.column("strategy")),
        success(sheet.column("hls_synth_success")),
        costs() {
    for (size_t i = 0; i < targets; ++i) costs[i] = sheet.column(cost_columns[i]);
  }
};

Network network_of(const Sheet& sheet, const Columns& columns, size_t row) {
  Network network;
  const std::string& strategy = sheet.text(row, columns.strategy);
  if (strategy != "latency" && strategy != "resource") {
    throw Error(sheet.line(row), fmt::format("strategy '{}' isn't known", strategy),
                "latency or resource");
  }
  network.strategy = strategy == "latency" ? Strategy::latency : Strategy::resource;
  Layer layer;
  layer.in[0] = sheet.number<int64_t>(row, columns.n_in);
  layer.out[0] = sheet.number<int64_t>(row, columns.n_out);
  layer.precision = sheet.number<int64_t>(row, columns.precision);
  layer.reuse = sheet.number<int64_t>(row, columns.reuse);
  network.layers.push_back(layer);
  check(network, sheet.line(row));
  if (layer.in[0] == absent || layer.out[0] == absent || layer.reuse == absent) {
    throw Error(sheet.line(row), "lacks a size or the reuse factor");
  }
  return network;
}

/// Whether it synthesised. A failure's fields are empty, and never stand for 0.
bool succeeded(const Sheet& sheet, const Columns& columns, size_t row) {
  const std::string& success = sheet.text(row, columns.success);
  if (success == "True") return true;  // an empty figure is refused as it is read
  if (success != "False") {
    throw Error(sheet.line(row), fmt::format("hls_synth_success is '{}'", success),
                "True or False");
  }
  for (const size_t column : columns.costs) {
    if (!sheet.text(row, column).empty()) {
      throw Error(sheet.line(row), "has figures though its synthesis failed");
    }
  }
  return false;
}

std::string text_of(const std::string& data, Strategy strategy) {
  return import::read_text(file(data, strategy), largest_file);
}

}  // namespace

bool tables_present(const std::string& data) {
  return !data.empty() && std::filesystem::exists(file(data, Strategy::latency)) &&
         std::filesystem::exists(file(data, Strategy::resource));
}

std::vector<Sample> parse_table(std::string_view text, const std::string& where) {
  const Sheet sheet(text, where);
  const Columns columns(sheet);
  std::vector<Sample> found;
  for (size_t row = 0; row < sheet.size(); ++row) {
    Sample sample;
    sample.measured = true;
    sample.network = network_of(sheet, columns, row);
    if (succeeded(sheet, columns, row)) {
      sample.costs.emplace();
      for (size_t i = 0; i < targets; ++i) {
        (*sample.costs)[i] = sheet.figure(row, columns.costs[i]);
      }
    }
    found.push_back(std::move(sample));
  }
  return found;
}

std::vector<Sample> read_tables(const std::string& data) {
  std::vector<Sample> all;
  for (const Strategy strategy : {Strategy::latency, Strategy::resource}) {
    std::vector<Sample> one = parse_table(text_of(data, strategy), file(data, strategy));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

std::vector<TableCycles> read_cycles(const std::string& data) {
  std::vector<TableCycles> found;
  for (const Strategy strategy : {Strategy::latency, Strategy::resource}) {
    const Sheet sheet(text_of(data, strategy), file(data, strategy));
    const Columns columns(sheet);
    const size_t best = sheet.column("BestLatency_hls");
    for (size_t row = 0; row < sheet.size(); ++row) {
      if (!succeeded(sheet, columns, row)) continue;
      const auto cost = [&](Target target) {
        return sheet.figure(row, columns.costs[static_cast<size_t>(target)]);
      };
      found.push_back({network_of(sheet, columns, row), sheet.figure(row, best),
                       cost(Target::cycles), cost(Target::interval)});
    }
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
