#include "bench/compare/peer.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace betimes::bench {
namespace {

using nlohmann::json;

std::array<int, 2> open_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error("peer", "the system gives no pipe");
  return ends;
}

pid_t start(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t process = -1;
  const int failure =
      posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw Error(command[0], "can't be started", "Node.js on the PATH");
  return process;
}

void pin(pid_t thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // A thread that has just ended, or a sandbox that forbids it: the run goes on unpinned.
  (void)sched_setaffinity(thread, sizeof set, &set);
}

std::string peer_name(DType type) {
  return type == DType::boolean ? "bool" : std::string(name(type));
}

}  // namespace

const std::vector<int>& own_cpus() {
  static const std::vector<int> cpus = [] {
    std::vector<int> found;
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
    }
    return found;
  }();
  return cpus;
}

struct Peer::Pipes {
  std::array<int, 2> to = open_pipe();
  std::array<int, 2> from = open_pipe();

  ~Pipes() {
    for (const int end : {to[0], to[1], from[0], from[1]}) {
      if (end >= 0) ::close(end);
    }
  }
  void keep_own_ends() {
    ::close(std::exchange(to[0], -1));
    ::close(std::exchange(from[1], -1));
  }
  void write(const void* bytes, size_t count) const {
    const auto* at = static_cast<const std::byte*>(bytes);
    while (count > 0) {
      const ssize_t done = ::write(to[1], at, count);
      if (done <= 0) throw Error("peer", "the process is gone");
      at += done;
      count -= static_cast<size_t>(done);
    }
  }
  void read(void* bytes, size_t count) const {
    auto* at = static_cast<std::byte*>(bytes);
    while (count > 0) {
      const ssize_t done = ::read(from[0], at, count);
      if (done <= 0) throw Error("peer", "the process is gone");
      at += done;
      count -= static_cast<size_t>(done);
    }
  }
  // Byte by byte, so that raw bytes after the line stay in the pipe.
  std::string read_line() const {
    std::string line;
    for (char c = 0;;) {
      read(&c, 1);
      if (c == '\n') return line;
      line += c;
    }
  }
};

Peer::Peer(const std::string& script, const std::string& packages)
    : pipes_(std::make_unique<Pipes>()) {
  process_ = start({"node", script, packages}, pipes_->to[0], pipes_->from[1]);
  pipes_->keep_own_ends();
}

Peer::~Peer() {
  pipes_.reset();  // the end of its input ends the process
  waitpid(process_, nullptr, 0);
}

std::string Peer::exchange(const std::string& line, const void* bytes, size_t count) {
  const std::string request = line + "\n";
  pipes_->write(request.data(), request.size());
  if (count > 0) pipes_->write(bytes, count);
  std::string reply = pipes_->read_line();
  const json parsed = json::parse(reply);
  if (parsed.contains("error")) throw Error("peer", parsed["error"].get<std::string>());
  return reply;
}

Peer::Signature Peer::open(const std::string& slot, const std::string& model, int threads,
                           const std::string& profile) {
  json request = {{"command", "open"}, {"slot", slot}, {"model", model}, {"threads", threads}};
  // The calling thread is the first of ONNX Runtime's team; it pins the others itself. Which of the
  // process's threads they are can't be told from outside.
  std::string affinities;
  for (int i = 1; i < threads; ++i) {
    const int cpu = own_cpus()[static_cast<size_t>(i) % own_cpus().size()];
    if (i > 1) affinities += ';';
    affinities += std::to_string(cpu + 1);  // counted from 1
  }
  if (!affinities.empty()) request["affinities"] = affinities;
  if (!profile.empty()) request["profile"] = profile;
  const json reply = json::parse(exchange(request.dump()));
  pin(process_, own_cpus()[0]);
  version_ = reply["version"];
  return {reply["inputs"], reply["outputs"]};
}

void Peer::set_input(const std::string& slot, const std::string& name, const TensorView& value) {
  const size_t bytes = byte_size(value.type);
  const json request = {{"command", "input"},
                        {"slot", slot},
                        {"name", name},
                        {"type", peer_name(value.type.dtype)},
                        {"shape", value.type.shape},
                        {"bytes", bytes}};
  exchange(request.dump(), value.data, bytes);
}

void Peer::prepare(const std::string& slot) {
  exchange(json{{"command", "prepare"}, {"slot", slot}}.dump());
}

std::vector<double> Peer::run(const std::string& slot, int64_t count) {
  const json request = {{"command", "run"}, {"slot", slot}, {"count", count}};
  const json reply = json::parse(exchange(request.dump()));
  std::vector<double> milliseconds = reply["nanoseconds"];
  for (double& each : milliseconds) each *= 1e-6;
  return milliseconds;
}

Tensor Peer::output(const std::string& slot, const std::string& name) {
  const json request = {{"command", "output"}, {"slot", slot}, {"name", name}};
  const json reply = json::parse(exchange(request.dump()));
  const std::string type = reply["type"];
  const auto dtype = type == "bool" ? DType::boolean : parse_dtype(type);
  if (!dtype) throw Error("peer", "output " + name + " has type " + type);
  Tensor result(*dtype, reply["shape"].get<Shape>());
  if (result.bytes() != reply["bytes"].get<size_t>()) {
    throw Error("peer", "output " + name + " has a size that isn't its shape's");
  }
  pipes_->read(result.mutable_raw(), result.bytes());
  return result;
}

void Peer::close(const std::string& slot) {
  exchange(json{{"command", "close"}, {"slot", slot}}.dump());
}

}  // namespace betimes::bench
