#include "betimes/system/detail/indented.h"

namespace betimes::system::detail {

std::string indented(const std::string& text, size_t indent, int width) {
  std::string out, line(indent, ' ');
  size_t from = 0;
  while (from < text.size()) {
    size_t to = text.find(' ', from);
    if (to == std::string::npos) to = text.size();
    const std::string word = text.substr(from, to - from);
    if (line.size() > indent && line.size() + 1 + word.size() > static_cast<size_t>(width)) {
      out += line + "\n";
      line.assign(indent, ' ');
    }
    if (line.size() > indent) line += ' ';
    line += word;
    from = to + 1;
  }
  return out + line + "\n";
}

}  // namespace betimes::system::detail
