#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::import {

/// Columns of numbers over time.
struct SeriesTable {
  std::string where;                         // the file, for messages
  std::vector<double> times;                 // one a row, or none: seconds, or as the file counts
  std::vector<std::string> names;            // of the columns; "1", "2", ... without a header
  std::vector<std::vector<double>> columns;  // NaN where a field is empty or says so
  std::vector<size_t> lines;                 // of the rows in the file, for messages
  bool header = false;

  size_t rows() const { return lines.size(); }
  /// The column called `name`, letters' case aside; nullopt where there is none.
  std::optional<size_t> find(std::string_view name) const;
};

/// Reads comma- or semicolon-separated rows. The first is a header where a field of it is no number
/// but that of the next row is. A column of dates (see parse_time), or one called time, timestamp,
/// datetime, date or ds, holds the times. Throws Error naming the line for rows of another width, a
/// field that is no number, and a second column of dates.
SeriesTable parse_series(std::string_view text, const std::string& where);
/// The same of a file, which may be gzip-compressed.
SeriesTable read_series(const std::string& path);

/// Seconds since 1970 of YYYY-MM-DD, with hours, minutes, seconds and their fraction as far as
/// given, after 'T' or a blank, with 'Z' or +hh:mm; without one UTC is meant. Nullopt for anything
/// else.
std::optional<double> parse_time(std::string_view text);

/// Throws Error naming the line of the first value of the column that isn't finite.
const std::vector<double>& finite_column(const SeriesTable& table, size_t column);

/// Labels of `rows` points, 0 or 1, from a column of them (called label, labels, anomaly,
/// is_anomaly, outlier or y, the only one, or the second of two without a header), or from
/// intervals (start and end, or two columns without a header that are no labels), both ends
/// included: numbers of points from 0, or times where `times` has them. Throws Error for other
/// lengths, values, and intervals outside the series or turned around.
std::vector<uint8_t> labels_from(const SeriesTable& table, size_t rows,
                                 const std::vector<double>& times);
/// The label column by its name.
std::optional<size_t> find_labels(const SeriesTable& table);

}  // namespace betimes::import
