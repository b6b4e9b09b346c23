#include "betimes/fit/detail/worker_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/fit/detail/entry_json.h"

namespace betimes::fit::detail {
namespace {

constexpr size_t length_bytes = 4;

[[noreturn]] void fail(const std::string& what) {
  throw Error("worker", what + ": " + std::strerror(errno));
}

std::string framed(const std::string& text) {
  const auto length = static_cast<uint32_t>(text.size());
  std::string message(length_bytes, '\0');
  std::memcpy(message.data(), &length, length_bytes);
  return message + text;
}

uint32_t length_of(const std::string& message) {
  uint32_t length = 0;
  std::memcpy(&length, message.data(), length_bytes);
  return length;
}

/// False: nobody is there any more.
bool send_all(int socket, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    // A dead receiver is an answer, not a signal.
    const ssize_t count = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

bool receive_all(int socket, char* data, size_t size) {
  for (size_t got = 0; got < size;) {
    const ssize_t count = ::recv(socket, data + got, size - got, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    got += static_cast<size_t>(count);
  }
  return true;
}

/// The worker's life: settings in, entries out, until the other side closes.
void serve(int socket, const Evaluator& evaluator, const KnobSpace& space) {
  for (;;) {
    std::string length(length_bytes, '\0');
    if (!receive_all(socket, length.data(), length.size())) return;
    std::string text(length_of(length), '\0');
    if (!receive_all(socket, text.data(), text.size())) return;
    Entry entry;
    entry.setting = read_setting(text, space, "worker");
    Evaluation evaluation = evaluate(evaluator, entry.setting);
    entry.found = std::move(evaluation.found);
    entry.failure = std::move(evaluation.failure);
    entry.seconds = evaluation.seconds;
    if (!send_all(socket, framed(write_entry(entry)))) return;
  }
}

std::string ending(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("the worker was killed by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("the worker exited with code {}", WEXITSTATUS(status));
}

}  // namespace

WorkerPool::WorkerPool(Evaluator evaluator, const KnobSpace& space, const PoolOptions& options)
    : evaluator_(std::move(evaluator)), space_(space), options_(options) {
  workers_.resize(static_cast<size_t>(options.workers));
  for (Worker& worker : workers_) start(worker);
}

WorkerPool::~WorkerPool() {
  for (Worker& worker : workers_) end(worker);
}

void WorkerPool::start(Worker& worker) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("has no socket");
  Descriptor ours(pair[0]), theirs(pair[1]);
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) fail("can't be started");
  if (process == 0) {
    // Goes with its parent, even in the middle of an evaluation.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ours.close();
    // Held open here, the others' sockets wouldn't tell them when the parent closes.
    for (Worker& other : workers_) other.socket.close();
    int code = 0;
    // A new thread makes its own OpenMP team; the one that was copied has lost its members.
    std::thread([&] {
      try {
        serve(theirs.get(), evaluator_, space_);
      } catch (...) {
        code = 3;
      }
    }).join();
    ::_exit(code);  // nothing of the parent's is flushed or destroyed twice
  }
  worker.process = process;
  worker.socket = std::move(ours);
  worker.received.clear();
  worker.job.reset();
}

std::string WorkerPool::end(Worker& worker) {
  worker.socket.close();
  if (worker.process < 0) return "";
  ::kill(worker.process, SIGKILL);  // changes nothing of one that is ending already
  int status = 0;
  while (::waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
  }
  worker.process = -1;
  return ending(status);
}

void WorkerPool::give(Worker& worker, const std::vector<Setting>& settings, size_t job) {
  const std::string message = framed(write_setting(settings[job]));
  if (!send_all(worker.socket.get(), message)) {
    end(worker);  // it died while it had nothing to do: another one takes the job
    start(worker);
    if (!send_all(worker.socket.get(), message)) fail("can't be reached");
  }
  worker.job = job;
  worker.begun = Clock::now();
}

double WorkerPool::seconds_of(const Worker& worker) const {
  return std::chrono::duration<double>(Clock::now() - worker.begun).count();
}

bool WorkerPool::late(const Worker& worker) const {
  return options_.evaluation_seconds > 0 && seconds_of(worker) >= options_.evaluation_seconds;
}

void WorkerPool::wait() const {
  std::vector<pollfd> sockets;
  double seconds = 3600;
  for (const Worker& worker : workers_) {
    if (!worker.job) continue;
    sockets.push_back({worker.socket.get(), POLLIN, 0});
    if (options_.evaluation_seconds > 0) {
      seconds = std::min(seconds, options_.evaluation_seconds - seconds_of(worker));
    }
  }
  const int milliseconds = static_cast<int>(1000 * std::max(seconds, 0.0)) + 1;
  if (::poll(sockets.data(), sockets.size(), milliseconds) < 0 && errno != EINTR) fail("is lost");
}

std::optional<Evaluation> WorkerPool::read_reply(const Worker& worker,
                                                 const Setting& setting) const {
  const std::string& message = worker.received;
  if (message.size() < length_bytes) return std::nullopt;
  const size_t whole = length_bytes + length_of(message);
  if (whole > Ledger::largest_line) throw Error("worker's reply", "is too long");
  if (message.size() < whole) return std::nullopt;
  Entry entry = read_entry(message.substr(length_bytes), space_, "worker's reply");
  if (entry.setting != setting) throw Error("worker's reply", "belongs to another setting");
  return Evaluation{std::move(entry.found), std::move(entry.failure), entry.seconds};
}

std::optional<Evaluation> WorkerPool::look_at(Worker& worker, const Setting& setting) {
  char chunk[1 << 14];
  ssize_t count = 0;
  do {
    count = ::recv(worker.socket.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (count > 0) worker.received.append(chunk, static_cast<size_t>(count));
  } while ((count > 0 && worker.received.size() <= Ledger::largest_line) ||
           (count < 0 && errno == EINTR));
  const bool closed = count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  Evaluation broken;
  try {
    if (auto reply = read_reply(worker, setting)) {
      worker.received.clear();
      worker.job.reset();
      return reply;
    }
    if (!closed && !late(worker)) return std::nullopt;
    if (!closed) {
      broken.failure = fmt::format("no result within {:.4g} s", options_.evaluation_seconds);
    }
  } catch (const Error& error) {
    broken.failure = error.what();  // whatever else it says can't be trusted either
  }
  broken.seconds = seconds_of(worker);
  const std::string how = end(worker);
  if (broken.failure.empty()) broken.failure = how;
  start(worker);
  return broken;
}

void WorkerPool::evaluate(const std::vector<Setting>& settings, const Done& done,
                          const std::function<bool()>& stop) {
  size_t next = 0;
  for (;;) {
    bool busy = false;
    for (Worker& worker : workers_) {
      if (!worker.job && next < settings.size() && !stop()) give(worker, settings, next++);
      busy |= worker.job.has_value();
    }
    if (!busy) return;
    wait();
    for (Worker& worker : workers_) {
      if (!worker.job) continue;
      const size_t job = *worker.job;
      if (auto evaluation = look_at(worker, settings[job])) done(job, std::move(*evaluation));
    }
  }
}

}  // namespace betimes::fit::detail
