#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace betimes::systems::search {

/// One operator of a published table.
struct PhoneEntry {
  int64_t count = 0;  // measurements behind it
  double mean = 0;    // milliseconds
  double spread = 0;  // as the table has it: "std" (ms) or "var" (ms^2)
};

/// Latencies of operators on a phone, as mit-han-lab publishes them: a flat YAML file of
///   <operator>:
///     count: 500
///     mean: 1.77
///     std: 0.02      (or var)
class PhoneTable {
 public:
  /// Throws Error naming `where` and the line for anything else: other nesting, tabs, unknown,
  /// missing or repeated fields, repeated operators, numbers that aren't finite or means that
  /// aren't positive.
  static PhoneTable parse(std::string_view text, const std::string& where);
  static PhoneTable read(const std::string& path);

  /// Mean milliseconds; throws Error naming the operator that is missing.
  double ms(const std::string& key) const;
  const std::map<std::string, PhoneEntry>& entries() const { return entries_; }

 private:
  std::string where_;
  std::map<std::string, PhoneEntry> entries_;
};

}  // namespace betimes::systems::search
