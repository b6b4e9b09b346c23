#include "apps/betimes/options.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "betimes/base/error.h"

namespace betimes::cli {
namespace {

Shape parse_extents(const std::string& text, const std::string& where) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int64_t extent = 0;
    const auto [stop, problem] = std::from_chars(at, end, extent);
    const bool separated = stop == end || *stop == ',' || *stop == 'x';
    if (problem != std::errc{} || extent < 0 || !separated || stop + 1 == end) {
      throw Error(where, "'" + text + "' isn't a shape", "a form like x=1,3,224,224");
    }
    shape.push_back(extent);
    at = stop == end ? end : stop + 1;
  }
  return shape;
}

}  // namespace

std::map<std::string, Shape> parse_shapes(const std::vector<std::string>& texts) {
  std::map<std::string, Shape> shapes;
  for (const std::string& text : texts) {
    const std::string where = "--shape " + text;
    // The last '=': names of inputs may hold one, extents can't.
    const auto equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw Error(where, "names no input and shape", "a form like x=1,3,224,224");
    }
    const std::string name = text.substr(0, equals);
    if (!shapes.emplace(name, parse_extents(text.substr(equals + 1), where)).second) {
      throw Error(where, "gives a second shape for " + name);
    }
  }
  return shapes;
}

void check_writable(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty()) throw Error("output path", "is empty", "a file name");
  std::error_code failed;
  if (fs::is_directory(path, failed)) throw Error(path, "is a directory", "a file to write");
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, failed)) {
    throw Error(path, "can't be written: " + folder.string() + " isn't a directory");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    throw Error(path, "can't be written: no permission to write in " + folder.string());
  }
}

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

}  // namespace betimes::cli
