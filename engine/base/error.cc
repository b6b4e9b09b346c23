#include "betimes/base/error.h"

namespace betimes {
namespace {

std::string compose(std::string_view where, std::string_view what, std::string_view expected) {
  std::string message;
  if (!where.empty()) message.append(where).append(": ");
  message.append(what);
  if (!expected.empty()) message.append(" (expected ").append(expected).append(")");
  return message;
}

}  // namespace

Error::Error(std::string_view where, std::string_view what, std::string_view expected)
    : std::runtime_error(compose(where, what, expected)), where_(where) {}

}  // namespace betimes
