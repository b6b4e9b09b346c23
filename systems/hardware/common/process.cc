#include "systems/hardware/common/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "betimes/base/error.h"

extern char** environ;

namespace betimes::systems::hardware {
namespace {

using Clock = std::chrono::steady_clock;

/// One end of a pipe.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

struct Pipe {
  Pipe() : Pipe(made()) {}
  Descriptor read, write;

 private:
  struct Ends {
    int numbers[2];
  };
  explicit Pipe(Ends ends) : read(ends.numbers[0]), write(ends.numbers[1]) {}
  static Ends made() {
    Ends ends{};
    if (::pipe2(ends.numbers, O_CLOEXEC) != 0) {
      throw Error("pipe", fmt::format("can't be made: {}", std::strerror(errno)));
    }
    return ends;
  }
};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// A process group of its own for the child, so that what it starts ends with it. (A terminal's
/// interrupt doesn't reach it then; mostly it ends by itself at the next write into a pipe that
/// nobody reads.)
class OwnGroup {
 public:
  OwnGroup() {
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~OwnGroup() { posix_spawnattr_destroy(&attributes_); }
  OwnGroup(const OwnGroup&) = delete;
  OwnGroup& operator=(const OwnGroup&) = delete;
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

/// A child that doesn't outlive this; where it is ended, nor do its own that stayed in its group.
class Child {
 public:
  Child(const std::vector<std::string>& words, const Pipe& out, const Pipe& err) {
    FileActions actions;
    OwnGroup group;
    posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(actions.get(), out.write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(actions.get(), err.write.get(), STDERR_FILENO);
    std::vector<std::string> copies = words;
    std::vector<char*> pointers;
    for (std::string& word : copies) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const int failed =
        ::posix_spawn(&process_, pointers[0], actions.get(), group.get(), pointers.data(), environ);
    if (failed != 0) {
      throw Error(words[0], fmt::format("can't be started: {}", std::strerror(failed)));
    }
  }
  ~Child() {
    if (process_ <= 0) return;
    ::kill(-process_, SIGKILL);
    ::kill(process_, SIGKILL);  // should it have left its group
    wait(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Its status once it has ended; nullopt: it hasn't. `options` are waitpid's.
  std::optional<int> wait(int options) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(process_, &status, options)) < 0 && errno == EINTR) {
    }
    if (ended == 0) return std::nullopt;
    process_ = 0;
    return status;
  }

 private:
  pid_t process_ = 0;
};

/// Throws where no second is left.
double seconds_left(const std::string& name, const Limits& limits, Clock::time_point begun) {
  const double left = limits.seconds - std::chrono::duration<double>(Clock::now() - begun).count();
  if (left > 0) return left;
  throw Error(name, fmt::format("still ran after {:g} s", limits.seconds));
}

/// Reads both until the child has closed them.
void drain(const std::string& name, const Limits& limits, Clock::time_point begun, Pipe& out,
           Pipe& err, Finished& found) {
  pollfd watched[] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
  std::string* const texts[] = {&found.out, &found.err};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    const double left = seconds_left(name, limits, begun);
    if (::poll(watched, 2, static_cast<int>(left * 1e3) + 1) < 0 && errno != EINTR) {
      throw Error(name, fmt::format("can't be waited for: {}", std::strerror(errno)));
    }
    for (int i = 0; i < 2; ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      char buffer[1 << 16];
      const ssize_t count = ::read(watched[i].fd, buffer, sizeof(buffer));
      if (count > 0) texts[i]->append(buffer, static_cast<size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) watched[i].fd = -1;  // poll() leaves it out
    }
    if (found.out.size() + found.err.size() > limits.bytes) {
      throw Error(name, fmt::format("wrote more than {} bytes", limits.bytes));
    }
  }
}

}  // namespace

Finished run_program(const std::vector<std::string>& words, const Limits& limits) {
  if (words.empty()) throw Error("program", "has no name");
  const auto begun = Clock::now();
  Pipe out, err;
  Child child(words, out, err);
  out.write.close();
  err.write.close();
  Finished found;
  drain(words[0], limits, begun, out, err, found);
  // Mostly it has ended; it may have closed both and work on.
  std::optional<int> ended;
  while (!(ended = child.wait(WNOHANG))) {
    seconds_left(words[0], limits, begun);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const int status = *ended;
  if (WIFSIGNALED(status)) {
    throw Error(words[0], fmt::format("was killed by signal {}", WTERMSIG(status)));
  }
  found.exit = WEXITSTATUS(status);
  return found;
}

std::string find_program(const std::string& name) {
  const char* folders = std::getenv("PATH");
  std::string left = folders ? folders : "";
  while (!left.empty()) {
    const size_t end = std::min(left.find(':'), left.size());
    const std::string path = (std::filesystem::path(left.substr(0, end)) / name).string();
    if (end > 0 && ::access(path.c_str(), X_OK) == 0) return path;
    left.erase(0, end + 1);
  }
  return {};
}

}  // namespace betimes::systems::hardware
