#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace betimes::cli {

/// A verb declares its options on `command` and returns what to do once they are parsed; that
/// returns the exit code: 0 done, 1 the budget can't be met or the claim didn't hold. Bad input is
/// thrown as betimes::Error (exit code 2).
/// Each file verbs/<stem>.cc defines `Verb <stem>_verb()`; the list is generated from the names.
struct Verb {
  std::string name;
  std::string summary;
  std::string example;  // a whole command line, shown by --help and run by a test
  std::function<std::function<int()>(CLI::App& command)> declare;
};

std::vector<Verb> verbs();

}  // namespace betimes::cli
