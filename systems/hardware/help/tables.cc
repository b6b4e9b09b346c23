#include "systems/hardware/help/tables.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/import/csv.h"
#include "betimes/import/gzip.h"
#include "systems/search/mnasnet/nasbench.h"

namespace betimes::systems::help {
namespace {

constexpr size_t largest_file = size_t{64} << 20;

std::string file(const std::string& data, SpaceName space, const char* what) {
  return fmt::format("{}/help-nas-latency/{}_{}.csv.gz", data, name(space), what);
}

/// A table whose first column is "arch": 0, 1, 2, ...
struct Sheet {
  std::string path;
  std::vector<std::string> columns;  // without the first
  std::vector<import::CsvRow> rows;

  explicit Sheet(const std::string& from) : path(from) {
    rows = import::parse_csv(import::read_text(path, largest_file), path);
    if (rows.size() < 2 || rows[0].fields.size() < 2 || rows[0].fields[0] != "arch") {
      throw Error(path, "doesn't begin with its columns", "arch,... and a row for each");
    }
    columns.assign(rows[0].fields.begin() + 1, rows[0].fields.end());
    rows.erase(rows.begin());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].fields.size() != columns.size() + 1 || rows[i].fields[0] != std::to_string(i)) {
        throw Error(line(i), fmt::format("isn't the row of architecture {}", i));
      }
    }
  }

  std::string line(size_t row) const { return fmt::format("{}, line {}", path, rows[row].line); }
  const std::string& text(size_t row, size_t column) const { return rows[row].fields[column + 1]; }
  void need(const std::vector<std::string>& expected) const {
    if (columns == expected) return;
    throw Error(path, "has other columns",
                fmt::format("arch, {} to {}", expected.front(), expected.back()));
  }

  template <class Number>
  Number number(size_t row, size_t column) const {
    const std::string& given = text(row, column);
    Number value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc() || end != given.data() + given.size()) {
      throw Error(line(row), fmt::format("{}: '{}' isn't a number", columns[column], given));
    }
    return value;
  }
  std::vector<int> numbers(size_t row) const {
    std::vector<int> found;
    for (size_t i = 0; i < columns.size(); ++i) found.push_back(number<int>(row, i));
    return found;
  }
};

void append(Encoded& all, const std::vector<float>& one) {
  all.features.insert(all.features.end(), one.begin(), one.end());
}

void read_fbnet(const Sheet& sheet, Tables& tables) {
  std::vector<std::string> columns;
  for (int i = 0; i < fbnet_blocks; ++i) columns.push_back(fmt::format("b{}", i));
  sheet.need(columns);
  tables.architectures.width = 6 * fbnet_blocks;
  for (size_t i = 0; i < sheet.rows.size(); ++i) {
    const std::vector<int> blocks = sheet.numbers(i);
    append(tables.architectures, encode_fbnet(blocks, sheet.line(i)));
    tables.macs.push_back(fbnet_macs(blocks));
  }
}

void read_ofa(const Sheet& sheet, Tables& tables) {
  std::vector<std::string> columns = {"r"};
  for (const auto& [letters, count] :
       {std::pair("d", 5), std::pair("ks", 20), std::pair("e", 20)}) {
    for (int i = 0; i < count; ++i) columns.push_back(fmt::format("{}{}", letters, i));
  }
  sheet.need(columns);
  tables.architectures.width = 145;
  for (size_t i = 0; i < sheet.rows.size(); ++i) {
    append(tables.architectures, encode_ofa(sheet.numbers(i), sheet.line(i)));
  }
}

void read_cells(const Sheet& sheet, Tables& tables) {
  sheet.need({"arch_str"});
  tables.architectures.width = cell_width;
  tables.architectures.nodes = cell_nodes;
  tables.architectures.adjacency = cell_adjacency();
  for (size_t i = 0; i < sheet.rows.size(); ++i) {
    const std::vector<int> cell = mnasnet::parse_cell(sheet.text(i, 0), sheet.line(i));
    append(tables.architectures, encode_cell(cell, sheet.line(i)));
    tables.macs.push_back(mnasnet::cell_macs(cell));
  }
}

}  // namespace

const char* name(SpaceName space) {
  switch (space) {
    case SpaceName::fbnet:
      return "fbnet";
    case SpaceName::nasbench201:
      return "nasbench201";
    case SpaceName::ofa:
      return "ofa";
  }
  return "";
}

Space space(SpaceName name) {
  // The list of devices is the paper's; the largest batch differs between the spaces.
  const auto source = [](const char* largest) {
    return std::vector<std::string>{"1080ti_1",    "1080ti_32",      largest,
                                    "silver_4114", "silver_4210r",   "samsung_a50",
                                    "pixel3",      "essential_ph_1", "samsung_s7"};
  };
  switch (name) {
    case SpaceName::fbnet:
      return {name,
              4000,
              1000,
              {3328, 3790, 3313, 890, 3052, 2538, 1640, 2514, 457, 2100},
              source("1080ti_64"),
              {"titanx_1", "titanx_32", "titanx_64", "gold_6240"},
              {"fpga", "raspi4", "eyeriss"}};
    case SpaceName::nasbench201:
      return {name,
              900,
              1000,
              {11982, 431, 55, 9, 14451, 8636, 9881, 13479, 6196, 1462},
              source("1080ti_256"),
              {"titanx_1", "titanx_32", "titanx_256", "gold_6240"},
              {"titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss"}};
    case SpaceName::ofa:
      break;
  }
  return {SpaceName::ofa,
          4000,
          1000,
          {1316, 1587, 1621, 1636, 1980, 2329, 2487, 3355, 3740, 4948},
          {"2080ti_1", "2080ti_32", "2080ti_64", "titan_xp_1", "titan_xp_32", "titan_xp_64",
           "v100_1", "v100_32", "v100_64"},
          {"titan_rtx_1", "titan_rtx_32"},
          {"titan_rtx_64"}};
}

const std::vector<double>& Tables::of(const std::string& device) const {
  const auto found = ms.find(device);
  if (found != ms.end()) return found->second;
  throw Error(name(space.name), fmt::format("has no device '{}'", device));
}

bool tables_present(const std::string& data, SpaceName name) {
  return !data.empty() && std::filesystem::exists(file(data, name, "archs")) &&
         std::filesystem::exists(file(data, name, "latency"));
}

Tables read_tables(const std::string& data, SpaceName name) {
  Tables tables;
  tables.space = space(name);
  const Sheet architectures(file(data, name, "archs")), latency(file(data, name, "latency"));
  if (architectures.rows.size() != latency.rows.size()) {
    throw Error(latency.path, fmt::format("has {} rows", latency.rows.size()),
                fmt::format("{}, one for each architecture", architectures.rows.size()));
  }
  if (name == SpaceName::fbnet) read_fbnet(architectures, tables);
  if (name == SpaceName::nasbench201) read_cells(architectures, tables);
  if (name == SpaceName::ofa) read_ofa(architectures, tables);
  for (size_t column = 0; column < latency.columns.size(); ++column) {
    std::vector<double>& times = tables.ms[latency.columns[column]];
    if (!times.empty()) throw Error(latency.path, latency.columns[column] + " is there twice");
    for (size_t row = 0; row < latency.rows.size(); ++row) {
      times.push_back(latency.number<double>(row, column));
      if (!(times.back() > 0) || !std::isfinite(times.back())) {
        throw Error(latency.line(row), latency.columns[column] + " isn't a positive time");
      }
    }
  }
  return tables;
}

Tables synthetic_tables(size_t architectures, uint64_t seed) {
  Random random(seed);
  Tables tables;
  tables.space = space(SpaceName::fbnet);
  tables.space.pool = architectures * 4 / 5;
  tables.space.held = architectures - tables.space.pool;
  for (size_t& reference : tables.space.references) reference = random.below(architectures);
  tables.architectures.width = 6 * fbnet_blocks;
  std::vector<std::vector<int>> blocks(architectures, std::vector<int>(fbnet_blocks));
  for (std::vector<int>& each : blocks) {
    for (int& block : each) block = static_cast<int>(random.below(fbnet_choices));
    append(tables.architectures, encode_fbnet(each, "synthetic"));
    tables.macs.push_back(fbnet_macs(each));
  }
  for (const auto* devices :
       {&tables.space.source, &tables.space.validation, &tables.space.unseen}) {
    for (const std::string& device : *devices) {
      // All devices have the blocks' order of cost in common, each with a taste of its own.
      std::vector<double> price(fbnet_choices);
      for (int choice = 0; choice < fbnet_skip; ++choice) {
        price[static_cast<size_t>(choice)] = (1 + choice % 4) * random.uniform(0.3, 1.7);
      }
      const double overhead = random.uniform(1, 20), scale = random.uniform(0.2, 5);
      for (const std::vector<int>& each : blocks) {
        double sum = overhead;
        for (const int block : each) sum += price[static_cast<size_t>(block)];
        tables.ms[device].push_back(scale * sum * std::exp(0.02 * random.normal()));
      }
    }
  }
  return tables;
}

}  // namespace betimes::systems::help
