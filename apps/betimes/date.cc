#include "apps/betimes/date.h"

#include <array>
#include <ctime>

namespace betimes::cli {

std::string utc_now(const char* form) {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), form, &utc)};
}

}  // namespace betimes::cli
