#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/system/results.h"

namespace betimes::system {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t largest_file = size_t{16} << 20;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json numbers(const std::vector<double>& values) {
  Json all = Json::array();
  for (const double value : values) all.push_back(number(value));
  return all;
}

Json finding_json(const Finding& finding) {
  Json object = {{"id", finding.claim.id},
                 {"claim", finding.claim.text},
                 {"paper", finding.claim.paper},
                 {"how", finding.claim.how},
                 {"direction", finding.claim.direction == Direction::at_least ? ">=" : "<="},
                 {"bound", finding.claim.bound},
                 {"unit", finding.claim.unit},
                 {"verdict", name(finding.verdict)},
                 {"note", finding.found.note}};
  if (finding.verdict == Verdict::not_shown) return object;
  object["value"] = number(finding.found.value);
  if (finding.found.interval) {
    object["low"] = number(finding.found.interval->low);
    object["high"] = number(finding.found.interval->high);
  }
  object["samples"] = finding.found.samples;
  return object;
}

Json cell_json(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return number(std::get<double>(cell));
}

Json table_json(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json cells = Json::array();
    for (const Cell& cell : row) cells.push_back(cell_json(cell));
    rows.push_back(std::move(cells));
  }
  return {{"title", table.title}, {"columns", table.columns}, {"rows", std::move(rows)}};
}

Json picture_json(const Picture& picture) {
  Json series = Json::array();
  for (const Series& one : picture.series) {
    series.push_back({{"name", one.name},
                      {"line", one.line},
                      {"x", numbers(one.x)},
                      {"y", numbers(one.y)},
                      {"low", numbers(one.low)},
                      {"high", numbers(one.high)}});
  }
  return {{"title", picture.title}, {"x_label", picture.x_label}, {"y_label", picture.y_label},
          {"log_x", picture.log_x}, {"log_y", picture.log_y},     {"series", std::move(series)}};
}

template <class Item, class Function>
Json list(const std::vector<Item>& items, Function function) {
  Json all = Json::array();
  for (const Item& item : items) all.push_back(function(item));
  return all;
}

// --- Reading back --------------------------------------------------------------------------------

double read_number(const Json& value) {
  return value.is_null() ? std::nan("") : value.get<double>();
}

std::vector<double> read_numbers(const Json& values) {
  std::vector<double> all;
  for (const Json& value : values) all.push_back(read_number(value));
  return all;
}

Verdict read_verdict(const std::string& text) {
  for (const Verdict verdict : {Verdict::reproduced, Verdict::weakly, Verdict::not_beyond_noise,
                                Verdict::not_reproduced, Verdict::not_shown}) {
    if (text == name(verdict)) return verdict;
  }
  throw std::invalid_argument("unknown verdict " + text);
}

Finding read_finding(const Json& object) {
  Finding finding;
  Claim& claim = finding.claim;
  claim.id = object.at("id");
  claim.text = object.at("claim");
  claim.paper = object.at("paper");
  claim.how = object.at("how");
  claim.direction = object.at("direction") == ">=" ? Direction::at_least : Direction::at_most;
  claim.bound = object.at("bound");
  claim.unit = object.at("unit");
  finding.verdict = read_verdict(object.at("verdict"));
  finding.found.note = object.at("note");
  if (finding.verdict == Verdict::not_shown) return finding;
  finding.found.value = read_number(object.at("value"));
  finding.found.samples = object.at("samples");
  if (object.contains("low")) {
    finding.found.interval =
        Interval{read_number(object.at("low")), read_number(object.at("high"))};
  }
  return finding;
}

Table read_table(const Json& object) {
  Table table{object.at("title"), object.at("columns"), {}};
  for (const Json& row : object.at("rows")) {
    std::vector<Cell> cells;
    for (const Json& cell : row) {
      if (cell.is_string()) {
        cells.emplace_back(cell.get<std::string>());
      } else {
        cells.emplace_back(read_number(cell));
      }
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

Picture read_picture(const Json& object) {
  Picture picture{object.at("title"), object.at("x_label"), object.at("y_label"),
                  object.at("log_x"), object.at("log_y"),   {}};
  for (const Json& one : object.at("series")) {
    picture.series.push_back({one.at("name"), read_numbers(one.at("x")), read_numbers(one.at("y")),
                              read_numbers(one.at("low")), read_numbers(one.at("high")),
                              one.at("line")});
  }
  return picture;
}

Reproduction read(const Json& object) {
  Reproduction found;
  found.slug = object.at("system");
  found.quick = object.at("mode") == "quick";
  found.date = object.at("date");
  found.commit = object.at("commit");
  const Json& machine = object.at("machine");
  found.machine.cpu = machine.at("cpu");
  found.machine.cpus = machine.at("cpus");
  found.machine.isa = machine.at("isa");
  found.machine.os = machine.at("os");
  found.machine.compiler = machine.at("compiler");
  found.threads = object.at("threads");
  found.seeds = object.at("seeds").get<std::vector<uint64_t>>();
  found.seconds = object.at("seconds");
  for (const Json& one : object.at("findings")) found.findings.push_back(read_finding(one));
  for (const Json& one : object.at("tables")) found.tables.push_back(read_table(one));
  for (const Json& one : object.at("pictures")) found.pictures.push_back(read_picture(one));
  found.notes = object.at("notes").get<std::vector<std::string>>();
  return found;
}

void check_current(const System& system, const Reproduction& found, const std::string& path) {
  for (const Claim& claim : system.claims) {
    const bool there =
        std::any_of(found.findings.begin(), found.findings.end(), [&](const Finding& finding) {
          const Claim& old = finding.claim;
          return old.id == claim.id && old.bound == claim.bound && old.direction == claim.direction;
        });
    if (!there) {
      throw Error(path, "has no evidence of the claim " + claim.id + " as it stands now",
                  "a run of betimes reproduce " + system.slug + " --out");
    }
  }
}

}  // namespace

std::string render_json(const Reproduction& found) {
  const Json object = {{"system", found.slug},
                       {"mode", found.quick ? "quick" : "full"},
                       {"date", found.date},
                       {"commit", found.commit},
                       {"machine",
                        {{"cpu", found.machine.cpu},
                         {"cpus", found.machine.cpus},
                         {"isa", found.machine.isa},
                         {"os", found.machine.os},
                         {"compiler", found.machine.compiler}}},
                       {"threads", found.threads},
                       {"seeds", found.seeds},
                       {"seconds", found.seconds},
                       {"findings", list(found.findings, finding_json)},
                       {"tables", list(found.tables, table_json)},
                       {"pictures", list(found.pictures, picture_json)},
                       {"notes", found.notes}};
  return object.dump(1, ' ', false, Json::error_handler_t::replace);
}

Reproduction parse_reproduction(std::string_view text, const std::string& where) {
  try {
    return read(Json::parse(text));
  } catch (const std::exception& problem) {
    throw Error(where, std::string("is no result of a reproduction: ") + problem.what(),
                "a file that betimes reproduce --out wrote");
  }
}

Recorded read_result(const System& system, const std::string& folder) {
  Recorded recorded{&system, {}};
  const std::string path = (std::filesystem::path(folder) / (system.slug + ".json")).string();
  if (!std::filesystem::exists(path)) return recorded;
  const std::vector<std::byte> bytes = read_file(path, largest_file);
  recorded.found =
      parse_reproduction({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  check_current(system, *recorded.found, path);
  return recorded;
}

std::vector<Recorded> read_results(const std::vector<System>& systems, const std::string& folder) {
  std::vector<Recorded> all;
  for (const System& system : systems) all.push_back(read_result(system, folder));
  return all;
}

}  // namespace betimes::system
