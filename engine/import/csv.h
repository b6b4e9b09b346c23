#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::import {

struct CsvRow {
  size_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
};

/// Comma-separated values as RFC 4180 has them: fields may be quoted, "" is a quote within quotes,
/// lines end in LF or CRLF. A byte-order mark and empty lines are skipped. Throws Error naming
/// `where` and the line for a quote out of place or left open. `separator` stands for the comma.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where,
                              char separator = ',');

/// Labels of examples, in the order of the file.
struct LabelTable {
  std::vector<std::string> files;  // empty when the file has labels only
  std::vector<size_t> lines;       // of the file, for messages
  std::vector<int64_t> labels;
  std::vector<std::string> classes;  // class names, sorted, when labels are names; else empty
};

/// Rows of `file,label` or of `label` alone, with or without a header. A label is a class number
/// from 0, or, when none is a number, a class name; names are numbered in alphabetical order.
/// Throws Error naming the line for anything else and for a file that is listed twice.
LabelTable parse_labels(std::string_view text, const std::string& where);
LabelTable read_labels(const std::string& path);

}  // namespace betimes::import
