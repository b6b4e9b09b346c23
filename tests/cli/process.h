#pragma once

#include <string>
#include <vector>

namespace betimes::test {

/// How a program ended: its exit code (128 + signal when a signal ended it) and what it printed.
struct Outcome {
  int exit = -1;
  std::string out;
  std::string err;
};

/// Runs `arguments` (the program first) in `folder` with `environment` ("NAME=value") added to
/// ours, with nothing on standard input. Throws std::runtime_error when it can't be started or
/// outlasts `seconds`.
Outcome run_process(const std::vector<std::string>& arguments, const std::string& folder,
                    const std::vector<std::string>& environment = {}, int seconds = 240);

/// Splits as a shell would: spaces separate, '...' and "..." hold together.
std::vector<std::string> split_command(const std::string& text);

}  // namespace betimes::test
