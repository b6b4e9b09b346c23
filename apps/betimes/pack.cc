#include "apps/betimes/pack.h"

#include <fmt/format.h>
#include <link.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"

namespace betimes::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* folder_name = "betimes-probe";

/// Files of the shared objects in this process under the names by which they were asked for, the
/// loader among them.
std::vector<fs::path> shared_objects() {
  std::vector<fs::path> found;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* list) {
        const fs::path path = info->dlpi_name;
        // The program itself has no name, and the kernel's own object no file.
        if (path.is_absolute()) static_cast<std::vector<fs::path>*>(list)->push_back(path);
        return 0;
      },
      &found);
  return found;
}

bool is_loader(const fs::path& path) { return path.filename().string().starts_with("ld-"); }

std::string script(const std::string& loader) {
  return fmt::format(
      "#!/bin/sh\n"
      "# Measures this machine: ./probe -o here.device\n"
      "here=$(cd \"$(dirname \"$0\")\" && pwd)\n"
      "exec \"$here/lib/{}\" --library-path \"$here/lib\" \"$here/betimes\" probe \"$@\"\n",
      loader);
}

void run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t process = -1;
  if (posix_spawnp(&process, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) {
    throw Error(words[0], "can't be started", "the program of that name");
  }
  int status = 0;
  if (waitpid(process, &status, 0) != process || status != 0) {
    throw Error(words[0], WIFEXITED(status)
                              ? fmt::format("ended with status {}", WEXITSTATUS(status))
                              : "was killed");
  }
}

void fill(const fs::path& folder) {
  fs::create_directories(folder / "lib");
  fs::copy_file("/proc/self/exe", folder / "betimes");
  std::string loader;
  for (const fs::path& object : shared_objects()) {
    fs::copy_file(object, folder / "lib" / object.filename(), fs::copy_options::skip_existing);
    if (is_loader(object)) loader = object.filename().string();
  }
  if (loader.empty())
    throw Error("--pack", "finds no dynamic loader", "a dynamically linked program");
  write_file((folder / "probe").string(), script(loader));
  fs::permissions(folder / "probe", fs::perms::owner_all | fs::perms::group_read |
                                        fs::perms::group_exec | fs::perms::others_read |
                                        fs::perms::others_exec);
}

}  // namespace

size_t write_pack(const std::string& path) {
  const TemporaryFolder scratch;
  try {
    fill(scratch.path() / folder_name);
  } catch (const fs::filesystem_error& error) {
    throw Error("--pack", error.what());
  }
  run({"tar", "-C", scratch.path().string(), "--owner=0", "--group=0", "-czf", path, folder_name});
  return fs::file_size(path);
}

}  // namespace betimes::cli
