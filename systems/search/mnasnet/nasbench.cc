#include "systems/search/mnasnet/nasbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/gzip.h"
#include "betimes/import/csv.h"

namespace betimes::systems::mnasnet {
namespace {

constexpr std::array<std::string_view, NasBench::operators> names = {
    "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"};
constexpr const char* accuracy_column = "cifar100_test_pct";
constexpr size_t largest_file = size_t{64} << 20;

std::string file(const std::string& data, const char* name) {
  return fmt::format("{}/help-nas-latency/nasbench201_{}.csv.gz", data, name);
}

double number(const std::string& text, const std::string& where) {
  double value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size() || !(value > 0) ||
      !std::isfinite(value)) {
    throw Error(where, "'" + text + "' isn't a positive number");
  }
  return value;
}

/// A table whose first column is "arch": 0, 1, 2, ...
struct Sheet {
  std::vector<std::string> columns;
  std::vector<import::CsvRow> rows;
  std::string where;

  std::string line(const import::CsvRow& row) const {
    return fmt::format("{}, line {}", where, row.line);
  }
  size_t column(const std::string& name) const {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] == name) return i;
    }
    throw Error(where, "has no column " + name);
  }
};

Sheet read(const std::string& path) {
  Sheet sheet;
  sheet.where = path;
  sheet.rows = import::parse_csv(read_gzip_text(path, largest_file), path);
  if (sheet.rows.empty() || sheet.rows[0].fields[0] != "arch") {
    throw Error(path, "doesn't begin with its columns", "arch,...");
  }
  sheet.columns = sheet.rows[0].fields;
  sheet.rows.erase(sheet.rows.begin());
  if (sheet.rows.size() != NasBench::cells) {
    throw Error(path, fmt::format("has {} rows", sheet.rows.size()), "15625");
  }
  for (size_t i = 0; i < sheet.rows.size(); ++i) {
    const import::CsvRow& row = sheet.rows[i];
    if (row.fields.size() != sheet.columns.size() || row.fields[0] != std::to_string(i)) {
      throw Error(sheet.line(row), "isn't the row of cell " + std::to_string(i));
    }
  }
  return sheet;
}

}  // namespace

NasBench::NasBench(const std::string& data) {
  const Sheet cells_sheet = read(file(data, "archs"));
  const size_t column = cells_sheet.column("arch_str");
  std::vector<size_t> codes;
  std::set<size_t> seen;
  for (const import::CsvRow& row : cells_sheet.rows) {
    codes.push_back(code(parse_cell(row.fields[column], cells_sheet.line(row))));
    if (!seen.insert(codes.back()).second) {
      throw Error(cells_sheet.line(row), "is a cell that was there before");
    }
  }
  const auto by_code = [&](const Sheet& sheet, size_t from, double scale) {
    std::vector<double> values(cells);
    for (size_t i = 0; i < cells; ++i) {
      values[codes[i]] = scale * number(sheet.rows[i].fields[from], sheet.line(sheet.rows[i]));
    }
    return values;
  };
  const Sheet accuracy = read(file(data, "accuracy"));
  accuracy_ = by_code(accuracy, accuracy.column(accuracy_column), 0.01);
  const Sheet latency = read(file(data, "latency"));
  for (size_t i = 1; i < latency.columns.size(); ++i) {
    ms_[latency.columns[i]] = by_code(latency, i, 1);
  }
}

bool NasBench::present(const std::string& data) {
  return !data.empty() && std::filesystem::exists(file(data, "accuracy"));
}

TokenSpace NasBench::space() {
  TokenSpace space{"NAS-Bench-201", {}, {}};
  for (int i = 0; i < edges; ++i) {
    space.tokens.push_back({fmt::format("edge{}", i), operators});
  }
  return space;
}

const std::vector<double>& NasBench::of(const std::string& device) const {
  const auto found = ms_.find(device);
  if (found == ms_.end()) throw Error("NAS-Bench-201", "has no device " + device);
  return found->second;
}

Judged NasBench::judged(const Tokens& tokens, const std::string& device) const {
  const size_t which = code(tokens);
  return {accuracy_[which], of(device)[which], cell_macs(tokens)};
}

std::vector<Trial> NasBench::all(const std::string& device) const {
  std::vector<Trial> trials;
  for (size_t i = 0; i < cells; ++i) {
    Tokens tokens;
    for (size_t rest = i; tokens.size() < edges; rest /= operators) {
      tokens.push_back(static_cast<int>(rest % operators));
    }
    trials.push_back({tokens, judged(tokens, device), 0});
  }
  return trials;
}

std::string NasBench::text(const Tokens& tokens) const {
  std::string text;
  size_t edge = 0;
  for (int node = 1; node <= 3; ++node) {
    if (node > 1) text += '+';
    text += '|';
    for (int from = 0; from < node; ++from) {
      text += fmt::format("{}~{}|", names[static_cast<size_t>(tokens.at(edge++))], from);
    }
  }
  return text;
}

Tokens parse_cell(std::string_view text, const std::string& where) {
  Tokens tokens;
  const auto refuse = [&] {
    throw Error(where, "'" + std::string(text) + "' isn't a cell",
                "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|");
  };
  std::string_view rest = text;
  const auto take = [&](std::string_view expected) {
    if (!rest.starts_with(expected)) refuse();
    rest.remove_prefix(expected.size());
  };
  for (int node = 1; node <= 3; ++node) {
    take(node == 1 ? "|" : "+|");
    for (int from = 0; from < node; ++from) {
      const size_t end = rest.find('~');
      const std::string_view op = rest.substr(0, end);
      const auto at = std::find(names.begin(), names.end(), op);
      if (end == std::string_view::npos || at == names.end()) refuse();
      tokens.push_back(static_cast<int>(at - names.begin()));
      rest.remove_prefix(end);
      take(fmt::format("~{}|", from));
    }
  }
  if (!rest.empty()) refuse();
  return tokens;
}

size_t code(const Tokens& tokens) {
  NasBench::space().check(tokens);
  size_t found = 0;
  for (size_t i = tokens.size(); i-- > 0;) {
    found = found * NasBench::operators + static_cast<size_t>(tokens[i]);
  }
  return found;
}

double cell_macs(const Tokens& tokens) {
  constexpr double window = 9, cells_a_stage = 5;
  double convolutions = 0;  // of 1 x 1, by edges
  for (const int token : tokens) convolutions += token == 2 ? 1 : token == 3 ? window : 0;
  double sum = window * 3 * 16 * 32 * 32 + 64 * 100;
  double channels = 16, side = 32;
  for (int stage = 0; stage < 3; ++stage) {
    const double area = side * side;
    sum += cells_a_stage * convolutions * channels * channels * area;
    if (stage == 2) break;
    // A residual block of two 3 x 3 convolutions, the first with stride 2, and a 1 x 1 shortcut.
    sum += area / 4 *
           (window * channels * 2 * channels + window * 4 * channels * channels +
            2 * channels * channels);
    channels *= 2;
    side /= 2;
  }
  return sum;
}

}  // namespace betimes::systems::mnasnet
