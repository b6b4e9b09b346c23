#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace betimes::systems::hardware {

/// What a program that has ended left.
struct Finished {
  int exit = 0;  // its exit code
  std::string out, err;
};

struct Limits {
  double seconds = 30;
  size_t bytes = size_t{32} << 20;  // of output and messages together
};

/// Runs a program (the first word: its path) without a shell and without input, and waits for it.
/// Throws Error naming it when it can't be started, is killed by a signal, or goes beyond a limit:
/// then it is killed first.
Finished run_program(const std::vector<std::string>& words, const Limits& limits = {});

/// Its path in the folders of PATH; empty: it isn't there.
std::string find_program(const std::string& name);

}  // namespace betimes::systems::hardware
