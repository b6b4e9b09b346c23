#include "betimes/import/series.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/import/csv.h"
#include "betimes/import/gzip.h"

namespace betimes::import {
namespace {

std::string at_line(const std::string& where, size_t line) {
  return where + ", line " + std::to_string(line);
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return result;
}

/// A number; NaN for a field that says that there is none.
std::optional<double> parse_number(std::string_view field) {
  std::string_view text = trimmed(field);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status == std::errc() && stop == text.data() + text.size() && !text.empty()) return value;
  if (status == std::errc::result_out_of_range && stop == text.data() + text.size()) {
    return std::numeric_limits<double>::infinity();  // refused where finite values are asked for
  }
  const std::string word = lower(text);
  if (word.empty() || word == "na" || word == "null" || word == "none" || word == "n/a") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::nullopt;
}

bool names_time(const std::string& name) {
  static constexpr std::array words = {"time", "timestamp", "datetime", "date", "ds"};
  const std::string word = lower(trimmed(name));
  return std::ranges::find(words, word) != words.end();
}

bool has_header(const std::vector<CsvRow>& rows) {
  const std::vector<std::string>& first = rows[0].fields;
  const auto is_value = [](const std::string& field) {
    return parse_number(field).has_value() || parse_time(trimmed(field)).has_value();
  };
  for (size_t i = 0; i < first.size(); ++i) {
    if (is_value(first[i])) continue;
    if (rows.size() == 1) return true;
    if (i < rows[1].fields.size() && is_value(rows[1].fields[i])) return true;
  }
  return false;
}

char find_separator(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.find(';') != std::string_view::npos && line.find(',') == std::string_view::npos ? ';'
                                                                                              : ',';
}

/// Which column holds times: one by name, else one of dates.
std::optional<size_t> find_times(const std::vector<CsvRow>& rows, bool header,
                                 const std::string& where) {
  if (header) {
    for (size_t i = 0; i < rows[0].fields.size(); ++i) {
      if (names_time(rows[0].fields[i])) return i;
    }
  }
  std::optional<size_t> found;
  const size_t first = header ? 1 : 0;
  if (rows.size() <= first) return found;
  for (size_t i = 0; i < rows[first].fields.size(); ++i) {
    const std::string& field = rows[first].fields[i];
    if (parse_number(field) || !parse_time(trimmed(field))) continue;
    if (found) throw Error(at_line(where, rows[first].line), "has two columns of dates", "one");
    found = i;
  }
  return found;
}

bool is_interval_header(const SeriesTable& table) {
  return table.find("start").has_value() && table.find("end").has_value();
}

struct Interval {
  double start, end;
};

size_t to_point(double value, size_t rows, const std::string& where) {
  if (value < 0 || value >= static_cast<double>(rows) || value != std::floor(value)) {
    throw Error(where, "is an interval outside the series",
                "points 0 to " + std::to_string(rows - 1));
  }
  return static_cast<size_t>(value);
}

void mark(const Interval& interval, const std::string& where, const std::vector<double>& times,
          std::vector<uint8_t>& labels) {
  if (!(interval.start <= interval.end)) {
    throw Error(where, "is an interval that ends before it starts", "start,end");
  }
  size_t first = 0;
  size_t end = 0;
  if (times.empty()) {
    first = to_point(interval.start, labels.size(), where);
    end = to_point(interval.end, labels.size(), where) + 1;
  } else {
    const auto low = std::ranges::lower_bound(times, interval.start);
    const auto high = std::ranges::upper_bound(times, interval.end);
    if (low >= high) {
      throw Error(where, "is an interval that holds no point of the series",
                  "times as the series has them");
    }
    first = static_cast<size_t>(low - times.begin());
    end = static_cast<size_t>(high - times.begin());
  }
  std::fill(labels.begin() + static_cast<std::ptrdiff_t>(first),
            labels.begin() + static_cast<std::ptrdiff_t>(end), uint8_t{1});
}

std::vector<uint8_t> from_intervals(const SeriesTable& table, size_t start, size_t end, size_t rows,
                                    const std::vector<double>& times) {
  if (!std::ranges::is_sorted(times)) {
    throw Error(table.where, "has intervals, but the times of the series don't rise");
  }
  std::vector<uint8_t> labels(rows);
  const std::vector<double>& starts = finite_column(table, start);
  const std::vector<double>& ends = finite_column(table, end);
  for (size_t i = 0; i < starts.size(); ++i) {
    mark({starts[i], ends[i]}, at_line(table.where, table.lines[i]), times, labels);
  }
  return labels;
}

std::vector<uint8_t> from_points(const SeriesTable& table, size_t column, size_t rows) {
  const std::vector<double>& values = finite_column(table, column);
  if (values.size() != rows) {
    throw Error(table.where, "has " + std::to_string(values.size()) + " labels",
                std::to_string(rows) + ", one for each point");
  }
  std::vector<uint8_t> labels;
  for (size_t i = 0; i < rows; ++i) {
    if (values[i] != 0 && values[i] != 1) {
      throw Error(at_line(table.where, table.lines[i]), "has a label that is neither", "0 or 1");
    }
    labels.push_back(values[i] == 1);
  }
  return labels;
}

/// Fields by column, once it is known which one holds times.
class TableReader {
 public:
  TableReader(const std::vector<CsvRow>& rows, SeriesTable& table) : rows_(rows), table_(table) {}

  void read() {
    const std::vector<std::string>& first = rows_[0].fields;
    table_.header = has_header(rows_);
    is_interval_ = table_.header ? intervals_named() : two_dates(first);
    if (!is_interval_) times_ = find_times(rows_, table_.header, table_.where);
    for (size_t i = 0; i < first.size(); ++i) {
      if (i == times_) continue;
      table_.names.push_back(table_.header ? std::string(trimmed(first[i]))
                                           : std::to_string(table_.names.size() + 1));
    }
    table_.columns.resize(table_.names.size());
    for (size_t i = table_.header ? 1 : 0; i < rows_.size(); ++i) read_row(rows_[i], first.size());
  }

 private:
  bool intervals_named() const {
    bool start = false;
    bool end = false;
    for (const std::string& field : rows_[0].fields) {
      start = start || lower(trimmed(field)) == "start";
      end = end || lower(trimmed(field)) == "end";
    }
    return start && end;
  }

  static bool two_dates(const std::vector<std::string>& fields) {
    return fields.size() == 2 && std::ranges::all_of(fields, [](const std::string& field) {
             return parse_time(trimmed(field)).has_value();
           });
  }

  void read_row(const CsvRow& row, size_t width) {
    const std::string line = at_line(table_.where, row.line);
    if (row.fields.size() != width) {
      throw Error(line, "has " + std::to_string(row.fields.size()) + " fields",
                  std::to_string(width) + ", as before");
    }
    size_t column = 0;
    for (size_t i = 0; i < width; ++i) {
      if (i == times_) {
        table_.times.push_back(time(row.fields[i], line));
      } else {
        table_.columns[column++].push_back(number(row.fields[i], line));
      }
    }
    table_.lines.push_back(row.line);
  }

  double time(const std::string& field, const std::string& line) const {
    if (const auto date = parse_time(trimmed(field))) return *date;
    const auto value = parse_number(field);
    if (value && std::isfinite(*value)) return *value;
    throw Error(line, "'" + field + "' is no time", "a number, or a date like 2024-05-01 12:00:00");
  }

  double number(const std::string& field, const std::string& line) const {
    if (const auto value = parse_number(field)) return *value;
    if (is_interval_) return time(field, line);
    throw Error(line, "'" + field + "' is no number");
  }

  const std::vector<CsvRow>& rows_;
  SeriesTable& table_;
  std::optional<size_t> times_;
  bool is_interval_ = false;
};

/// Reads a fixed number of digits off the front.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// hh:mm[:ss[.fraction]] off the front, as seconds.
std::optional<double> take_clock(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 24 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  double seconds = *hour * 3600.0 + *minute * 60.0;
  if (!take(text, ':')) return seconds;
  const auto second = take_digits(text, 2);
  if (!second || *second > 60) return std::nullopt;
  seconds += *second;
  if (!take(text, '.')) return seconds;
  double unit = 0.1;
  bool any = false;
  while (const auto digit = take_digits(text, 1)) {
    seconds += *digit * unit;
    unit /= 10;
    any = true;
  }
  return any ? std::optional(seconds) : std::nullopt;
}

/// Z, +hh:mm or +hhmm off the front, as seconds; 0 where there is none.
std::optional<double> take_zone(std::string_view& text) {
  if (text.empty() || take(text, 'Z')) return 0.0;
  const double sign = text.front() == '-' ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  take(text, ':');
  const auto minute = text.empty() ? std::optional(0) : take_digits(text, 2);
  if (!hour || !minute || *hour > 14 || *minute > 59) return std::nullopt;
  return sign * (*hour * 3600.0 + *minute * 60.0);
}

}  // namespace

std::optional<double> parse_time(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  double seconds =
      86400.0 * static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count());
  if (text.empty()) return seconds;
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock) return std::nullopt;
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  return seconds + *clock - *zone;
}

std::optional<size_t> SeriesTable::find(std::string_view name) const {
  for (size_t i = 0; i < names.size(); ++i) {
    if (lower(names[i]) == lower(name)) return i;
  }
  return std::nullopt;
}

SeriesTable parse_series(std::string_view text, const std::string& where) {
  const std::vector<CsvRow> rows = parse_csv(text, where, find_separator(text));
  if (rows.empty()) throw Error(where, "has no rows", "a row of numbers for each point in time");
  SeriesTable table;
  table.where = where;
  TableReader(rows, table).read();
  return table;
}

SeriesTable read_series(const std::string& path) { return parse_series(read_text(path), path); }

const std::vector<double>& finite_column(const SeriesTable& table, size_t column) {
  const std::vector<double>& values = table.columns.at(column);
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    std::string what = "column '" + table.names[column];
    what += std::isnan(values[i]) ? "' has no number" : "' isn't finite";
    throw Error(at_line(table.where, table.lines[i]), what, "a finite number in every row");
  }
  return values;
}

std::optional<size_t> find_labels(const SeriesTable& table) {
  if (!table.header) return std::nullopt;
  for (const char* name : {"label", "labels", "anomaly", "is_anomaly", "outlier", "y"}) {
    if (const auto column = table.find(name)) return column;
  }
  return std::nullopt;
}

std::vector<uint8_t> labels_from(const SeriesTable& table, size_t rows,
                                 const std::vector<double>& times) {
  if (is_interval_header(table)) {
    return from_intervals(table, *table.find("start"), *table.find("end"), rows, times);
  }
  if (const auto column = find_labels(table)) return from_points(table, *column, rows);
  if (table.columns.size() == 1) return from_points(table, 0, rows);
  if (table.columns.size() == 2 && !table.header) {
    const auto is_label = [](double value) { return value == 0 || value == 1; };
    if (table.rows() == rows && std::ranges::all_of(table.columns[1], is_label)) {
      return from_points(table, 1, rows);  // the first column counts the points
    }
    return from_intervals(table, 0, 1, rows, times);
  }
  throw Error(table.where, "doesn't tell which column holds the labels",
              "a column called label or anomaly, or start and end");
}

}  // namespace betimes::import
