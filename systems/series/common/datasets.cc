#include "systems/series/common/datasets.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/import/gzip.h"
#include "betimes/import/series.h"

namespace betimes::systems::series {
namespace {

namespace fs = std::filesystem;
constexpr size_t most_labels = size_t{16} << 20;  // bytes of a file of labels

/// The file itself, or its compressed form.
std::string existing(const fs::path& path) {
  return fs::exists(path) ? path.string() : path.string() + ".gz";
}

/// A name as the label file gives it can't lead out of the folder.
void check_name(const std::string& name, const std::string& where) {
  const fs::path path(name);
  const bool inside = path.is_relative() && !name.empty() &&
                      std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
  if (!inside) throw Error(where, "names '" + name + "'", "files of its folder");
}

/// Both ends included. A window as [start, end] of dates.
void mark_window(const nlohmann::ordered_json& window, const std::vector<double>& times,
                 const std::string& where, std::vector<uint8_t>& labels) {
  const bool pair =
      window.is_array() && window.size() == 2 && window[0].is_string() && window[1].is_string();
  const auto start = pair ? import::parse_time(window[0].get<std::string>()) : std::nullopt;
  const auto end = pair ? import::parse_time(window[1].get<std::string>()) : std::nullopt;
  if (!start || !end || *start > *end) {
    throw Error(where, "has the window " + window.dump(), "[start, end] as dates");
  }
  for (size_t i = 0; i < times.size(); ++i) labels[i] |= times[i] >= *start && times[i] <= *end;
}

judge::Series from_table(const import::SeriesTable& table, const std::string& name,
                         const std::vector<std::string>& left_out) {
  judge::Series series;
  series.name = name;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (std::ranges::find(left_out, table.names[i]) != left_out.end()) continue;
    series.columns.push_back(import::finite_column(table, i));
  }
  return series;
}

}  // namespace

std::vector<judge::Series> read_nab(const std::string& folder) {
  const std::string where = existing(fs::path(folder) / "windows.json");
  const auto files = nlohmann::ordered_json::parse(import::read_text(where, most_labels), nullptr,
                                                   /*allow_exceptions=*/false);
  if (!files.is_object()) throw Error(where, "is no JSON object", "windows by file");
  std::vector<judge::Series> all;
  for (const auto& [name, windows] : files.items()) {
    check_name(name, where);
    const import::SeriesTable table = import::read_series(existing(fs::path(folder) / name));
    if (table.columns.size() != 1 || table.times.empty()) {
      throw Error(table.where, "isn't a series of NAB", "columns timestamp and value");
    }
    judge::Series series = from_table(table, name, {});
    series.labels.resize(table.rows());
    if (!windows.is_array()) throw Error(where, "has no list of windows for " + name);
    for (const auto& window : windows) {
      mark_window(window, table.times, where + ", " + name, series.labels);
    }
    all.push_back(std::move(series));
  }
  return all;
}

std::vector<judge::Series> read_skab(const std::string& folder) {
  std::vector<std::string> paths;
  for (const char* part : {"valve1", "valve2", "other"}) {
    const fs::path below = fs::path(folder) / part;
    if (!fs::is_directory(below)) throw Error(below.string(), "isn't there", "a folder of SKAB");
    for (const auto& entry : fs::directory_iterator(below)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".csv") || name.ends_with(".csv.gz"))
        paths.push_back(entry.path().string());
    }
  }
  std::ranges::sort(paths);
  std::vector<judge::Series> all;
  for (const std::string& path : paths) {
    const import::SeriesTable table = import::read_series(path);
    if (!table.find("anomaly")) throw Error(path, "has no column 'anomaly'");
    const fs::path file(path);
    judge::Series series =
        from_table(table, (file.parent_path().filename() / file.filename()).string(),
                   {"anomaly", "changepoint"});
    series.labels = import::labels_from(table, table.rows(), table.times);
    all.push_back(std::move(series));
  }
  return all;
}

judge::Series read_tsb_uad(const std::string& path) {
  const import::SeriesTable table = import::read_series(existing(path));
  if (table.columns.size() != 2 || !table.find("label")) {
    throw Error(path, "isn't a series of TSB-UAD", "columns value and label");
  }
  judge::Series series = from_table(table, fs::path(path).filename().string(), {"label"});
  series.labels = import::labels_from(table, table.rows(), {});
  return series;
}

}  // namespace betimes::systems::series
