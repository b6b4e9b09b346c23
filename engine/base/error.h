#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace betimes {

/// The one exception type that crosses a public call. It says where something was wrong (file,
/// tensor, node, field), what was wrong, and what would be right. Everything thrown as Error is the
/// caller's to mend (exit code 2, HTTP 4xx); any other exception is a bug of ours (exit code 3).
class Error : public std::runtime_error {
 public:
  /// Message: "<where>: <what>" or "<where>: <what> (expected <expected>)".
  Error(std::string_view where, std::string_view what, std::string_view expected = {});

  const std::string& where() const { return where_; }

 private:
  std::string where_;
};

}  // namespace betimes
