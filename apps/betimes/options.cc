#include "apps/betimes/options.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "betimes/base/error.h"

namespace betimes::cli {
namespace {

/// An option of the form name=1,2,3.
struct Extents {
  std::string where;  // the option and its text, for messages
  std::string name;
  Shape extents;
};

Extents parse_extents(const std::string& option, const std::string& text,
                      const std::string& example) {
  Extents parsed{option + " " + text, {}, {}};
  const std::string form = "a form like " + example;
  // The last '=': names of inputs may hold one, extents can't.
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw Error(parsed.where, "has no name and extents", form);
  }
  parsed.name = text.substr(0, equals);
  const char* at = text.data() + equals + 1;
  const char* const end = text.data() + text.size();
  while (at != end) {
    int64_t extent = 0;
    const auto [stop, problem] = std::from_chars(at, end, extent);
    const bool separated = stop == end || *stop == ',' || *stop == 'x';
    if (problem != std::errc{} || extent < 0 || !separated || stop + 1 == end) {
      throw Error(parsed.where, "'" + text.substr(equals + 1) + "' aren't extents", form);
    }
    parsed.extents.push_back(extent);
    at = stop == end ? end : stop + 1;
  }
  return parsed;
}

}  // namespace

std::vector<std::map<std::string, Shape>> parse_shape_sets(const std::vector<std::string>& texts) {
  std::map<std::string, std::vector<Shape>> by_input;
  size_t sets = 1;
  for (const std::string& text : texts) {
    const Extents parsed = parse_extents("--shape", text, "x=1,3,224,224");
    std::vector<Shape>& shapes = by_input[parsed.name];
    shapes.push_back(parsed.extents);
    sets = std::max(sets, shapes.size());
  }
  std::vector<std::map<std::string, Shape>> result(sets);
  for (const auto& [name, shapes] : by_input) {
    if (shapes.size() != 1 && shapes.size() != sets) {
      throw Error("--shape",
                  name + " has " + std::to_string(shapes.size()) + " shapes and another " +
                      "input has " + std::to_string(sets),
                  "equally many, or one");
    }
    for (size_t i = 0; i < sets; ++i) result[i][name] = shapes.size() == 1 ? shapes[0] : shapes[i];
  }
  return result;
}

std::map<std::string, Shape> parse_shapes(const std::vector<std::string>& texts) {
  auto sets = parse_shape_sets(texts);
  if (sets.size() > 1)
    throw Error("--shape", "gives an input a second shape", "one for each input");
  return std::move(sets[0]);
}

std::map<std::string, std::vector<int64_t>> parse_buckets(const std::vector<std::string>& texts) {
  std::map<std::string, std::vector<int64_t>> buckets;
  for (const std::string& text : texts) {
    Extents parsed = parse_extents("--bucket", text, "N=8,16,32");
    if (std::ranges::find(parsed.extents, 0) != parsed.extents.end()) {
      throw Error(parsed.where, "has a bucket for nothing", "extents of 1 or more");
    }
    if (!buckets.emplace(parsed.name, std::move(parsed.extents)).second) {
      throw Error(parsed.where, "gives buckets for " + parsed.name + " a second time");
    }
  }
  return buckets;
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
