#pragma once

#include <string>
#include <vector>

namespace betimes::test {

/// A command line and what it must do; written in tests/cli/cases/*.txt, see README.md there.
struct Case {
  std::string file;
  int line = 0;
  std::string name;
  std::vector<std::string> commands;  // the last one is judged, those before it must succeed
  std::vector<std::string> environment;
  int exit = 0;
  std::vector<std::string> out, out_not, err;  // regular expressions
  std::vector<std::string> files;              // must exist afterwards
  std::string json;   // heading in docs/json.md whose example has the same keys
  std::string needs;  // path that must exist, or the case is skipped
};

/// Throws std::runtime_error naming file and line for what it doesn't understand.
std::vector<Case> read_cases(const std::string& path);

/// The key paths of a JSON text, sorted, arrays by "[]" ("profile[].name"). Throws when it is no
/// JSON.
std::vector<std::string> key_paths(const std::string& json);
/// The first ```json block below the heading "## <heading>" of a Markdown file.
std::string documented_json(const std::string& markdown_path, const std::string& heading);

}  // namespace betimes::test
