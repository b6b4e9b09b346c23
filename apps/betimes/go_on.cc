#include "apps/betimes/go_on.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "betimes/base/error.h"

namespace betimes::cli {

void go_on_in(const std::string& suffix, const std::string& build_option) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string() + suffix;
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  throw Error(program, "can't be started", fmt::format("a build with -D {}=ON", build_option));
}

}  // namespace betimes::cli
