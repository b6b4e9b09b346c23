#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "apps/betimes/go_on.h"
#include "apps/betimes/systems.h"

namespace betimes::cli {
namespace {

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
  if (!learns_here()) go_on_in("-learn", "BETIMES_WITH_TORCH");
  return found;
}

}  // namespace betimes::cli
