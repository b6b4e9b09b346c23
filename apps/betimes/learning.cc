#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/betimes/systems.h"
#include "betimes/base/error.h"

namespace betimes::cli {
namespace {

/// This process's own command line.
std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

[[noreturn]] void go_on_learning() {
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  const std::string learning = program.string() + "-learn";
  std::vector<std::string> words = command_line();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(learning.c_str(), arguments.data());
  throw Error(learning, "can't be started", "a build with -D BETIMES_WITH_TORCH=ON");
}

/// What the environment says, else the folder beside these sources where there is one.
std::string place(const char* variable, const std::string& beside_sources) {
  const char* given = std::getenv(variable);
  if (given && *given) return given;
  return std::filesystem::is_directory(beside_sources) ? beside_sources : "";
}

}  // namespace

system::Places default_places() {
  return {place("BETIMES_DATA", BETIMES_SOURCE_DIR "/../shared/data"),
          place("BETIMES_MODELS", BETIMES_SOURCE_DIR "/models")};
}

void declare_places(CLI::App& command, system::Places& places) {
  places = default_places();
  command.add_option("--data", places.data,
                     "folder of data sets that aren't installed packages; $BETIMES_DATA");
  command.add_option("--weights", places.weights, "folder of trained weights; $BETIMES_MODELS");
}

const system::System& learning_system(const std::string& slug) {
  const system::System& found = system::find(systems(), slug);
  if (!learns_here()) go_on_learning();
  return found;
}

}  // namespace betimes::cli
