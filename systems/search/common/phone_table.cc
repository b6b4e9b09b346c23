#include "systems/search/common/phone_table.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <span>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::systems::search {
namespace {

constexpr size_t largest_file = size_t{16} << 20;

/// Three kinds of lines are all there is, so a YAML library would only accept more than is meant.
class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::map<std::string, PhoneEntry> read() {
    while (!text_.empty()) {
      ++line_;
      const size_t end = text_.find('\n');
      std::string_view line = text_.substr(0, end);
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      if (line.starts_with("  ")) {
        field(line.substr(2));
      } else {
        begin(line);
      }
    }
    finish();
    if (entries_.empty()) throw Error(where_, "has no operators");
    return std::move(entries_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const {
    throw Error(fmt::format("{}, line {}", where_, line_), what, expected);
  }

  void begin(std::string_view line) {
    finish();
    const bool good = line.size() > 1 && line.ends_with(':') && line.front() != ' ' &&
                      line.find_first_of("\t#'\"{}[]&*!|>%@`") == std::string_view::npos;
    if (!good) refuse("isn't the name of an operator", "name:");
    line.remove_suffix(1);
    name_ = std::string(line);
    if (entries_.contains(*name_)) refuse("repeats '" + *name_ + "'");
    entry_ = {};
    seen_.clear();
  }

  void field(std::string_view line) {
    const size_t colon = line.find(": ");
    if (!name_) refuse("is a field of no operator");
    if (colon == std::string_view::npos) refuse("isn't a field", "  name: number");
    const std::string field(line.substr(0, colon));
    const std::string_view text = line.substr(colon + 2);
    const std::string kind = field == "var" ? "std" : field;
    if (kind != "count" && kind != "mean" && kind != "std") {
      refuse("has the field '" + field + "'", "count, mean, std or var");
    }
    if (!seen_.insert(kind).second) refuse("repeats the field '" + field + "'");
    if (kind == "count") {
      entry_.count = number<int64_t>(text);
      if (entry_.count < 0) refuse("has a negative count");
    } else if (kind == "mean") {
      entry_.mean = number<double>(text);
      if (!(entry_.mean > 0)) refuse("has a mean that isn't positive");
    } else {
      entry_.spread = number<double>(text);
      if (entry_.spread < 0) refuse("has a negative spread");
    }
  }

  template <class Number>
  Number number(std::string_view text) const {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool whole = error == std::errc() && at == end;
    if (!whole || !std::isfinite(static_cast<double>(value))) {
      refuse("'" + std::string(text) + "' isn't a number");
    }
    return value;
  }

  void finish() {
    if (!name_) return;
    if (seen_.size() != 3) refuse("ends '" + *name_ + "' too early", "count, mean, and std or var");
    entries_.emplace(std::move(*name_), entry_);
    name_.reset();
  }

  std::string_view text_;
  const std::string& where_;
  size_t line_ = 0;
  std::optional<std::string> name_;
  PhoneEntry entry_;
  std::set<std::string> seen_;
  std::map<std::string, PhoneEntry> entries_;
};

}  // namespace

PhoneTable PhoneTable::parse(std::string_view text, const std::string& where) {
  PhoneTable table;
  table.where_ = where;
  table.entries_ = Reader(text, where).read();
  return table;
}

PhoneTable PhoneTable::read(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, largest_file);
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

double PhoneTable::ms(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) throw Error(where_, "has no operator '" + key + "'");
  return found->second.mean;
}

}  // namespace betimes::systems::search
