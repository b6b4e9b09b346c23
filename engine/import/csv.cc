#include "betimes/import/csv.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

std::string at_line(const std::string& where, size_t line) {
  return where + ", line " + std::to_string(line);
}

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where, char separator)
      : text_(text), where_(where), separator_(separator), stops_{separator, '\r', '\n'} {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> read() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      CsvRow row{line_, read_fields()};
      if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  std::vector<std::string> read_fields() {
    std::vector<std::string> fields;
    do {
      fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
    } while (accept(separator_));
    accept('\r');
    if (at_ < text_.size() && !accept('\n'))
      fail("has text after a closing quote or a stray line end");
    ++line_;
    return fields;
  }

  std::string plain() {
    const size_t end = std::min(text_.find_first_of(stops_, at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    if (field.find('"') != std::string::npos) fail("has a quote within an unquoted field");
    at_ = end;
    return field;
  }

  std::string quoted() {
    const size_t opened = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return field;
      }
      field += text_[at_];
    }
    line_ = opened;
    fail("opens a quote that isn't closed");
  }

  bool accept(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(at_line(where_, line_), what);
  }

  std::string_view text_;
  const std::string& where_;
  char separator_;
  std::string stops_;  // what ends a plain field
  size_t at_ = 0;
  size_t line_ = 1;
};

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<int64_t> as_integer(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  if (status != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// The words that people put above a column of labels.
bool is_header(const std::string& label) {
  std::string lower = label;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "label" || lower == "labels" || lower == "class" || lower == "category" ||
         lower == "target";
}

void number_names(LabelTable& table, const std::vector<std::string>& names) {
  const std::set<std::string> sorted(names.begin(), names.end());
  table.classes.assign(sorted.begin(), sorted.end());
  std::map<std::string, int64_t> numbers;
  for (const std::string& name : table.classes) {
    numbers.emplace(name, static_cast<int64_t>(numbers.size()));
  }
  for (const std::string& name : names) table.labels.push_back(numbers.at(name));
}

/// Numbers when all are numbers, names when none is.
void read_classes(LabelTable& table, const std::vector<std::string>& texts,
                  const std::string& where) {
  const bool numbers = as_integer(texts[0]).has_value();
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string line = at_line(where, table.lines[i]);
    const auto value = as_integer(texts[i]);
    if (texts[i].empty()) throw Error(line, "has no label");
    if (value.has_value() != numbers) {
      throw Error(line, "label '" + texts[i] + "' isn't like those before",
                  numbers ? "a class number" : "a class name");
    }
    if (!numbers) continue;
    if (*value < 0 || *value > std::numeric_limits<int32_t>::max()) {
      throw Error(line, "label " + texts[i] + " isn't a class number", "0 or more");
    }
    table.labels.push_back(*value);
  }
  if (!numbers) number_names(table, texts);
}

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where, char separator) {
  return CsvReader(text, where, separator).read();
}

LabelTable parse_labels(std::string_view text, const std::string& where) {
  std::vector<CsvRow> rows = parse_csv(text, where);
  if (!rows.empty() && is_header(trimmed(rows[0].fields.back()))) rows.erase(rows.begin());
  if (rows.empty()) throw Error(where, "has no labels", "lines of file,label");
  const size_t width = rows[0].fields.size();
  LabelTable table;
  std::vector<std::string> texts;
  std::set<std::string> seen;
  for (const CsvRow& row : rows) {
    const std::string line = at_line(where, row.line);
    if (row.fields.size() != width || width > 2) {
      throw Error(line, "has " + std::to_string(row.fields.size()) + " fields",
                  width > 2 ? "file,label" : std::to_string(width) + ", as before");
    }
    table.lines.push_back(row.line);
    texts.push_back(trimmed(row.fields.back()));
    if (width == 1) continue;
    const std::string file = trimmed(row.fields[0]);
    if (!seen.insert(file).second) throw Error(line, "lists '" + file + "' a second time");
    table.files.push_back(file);
  }
  read_classes(table, texts, where);
  return table;
}

LabelTable read_labels(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return parse_labels({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace betimes::import
