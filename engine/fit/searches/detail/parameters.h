#pragma once

#include <map>
#include <string>

namespace betimes::fit::detail {

/// What stands behind the colon of a search's name: "population=50,tournament=5".
class Parameters {
 public:
  /// Throws Error unless `text` is a list of name=value, each name once.
  Parameters(std::string search, const std::string& text);

  /// Each throws Error for a value that isn't in [low, high].
  int count(const std::string& name, int standard, int low, int high);
  double number(const std::string& name, double standard, double low, double high);
  std::string text(const std::string& name, const std::string& standard);
  /// Throws Error for a parameter that nobody has asked for.
  void finish() const;

 private:
  std::string where(const std::string& name) const;

  std::string search_;
  std::map<std::string, std::string> values_;
  std::map<std::string, bool> known_;
};

}  // namespace betimes::fit::detail
