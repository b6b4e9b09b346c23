#include "tests/cli/case.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

namespace betimes::test {
namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// False for a key that doesn't exist.
bool set(Case& c, const std::string& key, const std::string& value) {
  const std::map<std::string, std::vector<std::string>*> lists = {
      {"run", &c.commands},    {"env", &c.environment}, {"out", &c.out},
      {"out-not", &c.out_not}, {"err", &c.err},         {"file", &c.files}};
  if (const auto list = lists.find(key); list != lists.end()) {
    list->second->push_back(value);
  } else if (key == "exit") {
    c.exit = std::stoi(value);
  } else if (key == "json") {
    c.json = value;
  } else if (key == "needs") {
    c.needs = value;
  } else {
    return false;
  }
  return true;
}

void collect(const nlohmann::json& value, const std::string& path, std::set<std::string>& paths) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      const std::string name = path.empty() ? key : path + "." + key;
      paths.insert(name);
      collect(inner, name, paths);
    }
  }
  if (value.is_array()) {
    for (const auto& inner : value) collect(inner, path + "[]", paths);
  }
}

}  // namespace

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " can't be read");
  std::vector<Case> cases;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(':');
    const std::string key = line.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : trimmed(line.substr(colon + 1));
    if (key == "case") {
      cases.push_back({});
      cases.back().file = path;
      cases.back().line = number;
      cases.back().name = value;
    } else if (cases.empty() || value.empty() || !set(cases.back(), key, value)) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": '" + line +
                               "' isn't understood");
    }
  }
  for (const Case& c : cases) {
    if (c.commands.empty()) throw std::runtime_error(path + ": " + c.name + " runs nothing");
  }
  return cases;
}

std::vector<std::string> key_paths(const std::string& json) {
  std::set<std::string> paths;
  collect(nlohmann::json::parse(json), "", paths);
  return {paths.begin(), paths.end()};
}

std::string documented_json(const std::string& markdown_path, const std::string& heading) {
  std::ifstream file(markdown_path);
  std::string block;
  bool below = false, inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line == "```") return block;
    if (inside) block += line + "\n";
    if (line.starts_with("## ")) below = line == "## " + heading;
    if (below && line == "```json") inside = true;
  }
  throw std::runtime_error(markdown_path + " has no example below '## " + heading + "'");
}

}  // namespace betimes::test
