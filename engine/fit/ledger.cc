#include "betimes/fit/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/fit/detail/descriptor.h"
#include "betimes/fit/detail/entry_json.h"

namespace betimes::fit {
namespace {

constexpr std::string_view format = "betimes-ledger";
constexpr int version = 1;

std::string line_name(const std::string& where, size_t line) {
  return fmt::format("{}, line {}", where, line);
}

}  // namespace

void check(const Outcome& outcome) {
  if (!std::isfinite(outcome.quality)) throw Error("outcome", "quality isn't finite");
  if (!std::isfinite(outcome.latency_ms) || outcome.latency_ms < 0) {
    throw Error("outcome", "latency isn't a time", "finite milliseconds >= 0");
  }
  for (const auto& [name, value] : outcome.extra) {
    if (!std::isfinite(value)) throw Error("outcome", "'" + name + "' isn't finite");
  }
}

/// The file behind a ledger: lines are added at its end, and nobody else does.
class Ledger::File {
 public:
  explicit File(const std::string& path) : path_(path) {
    file_ = detail::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file_) fail("can't be opened");
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) fail("can't be read");
    if (!S_ISREG(status.st_mode)) throw Error(path, "isn't an ordinary file");
    lock();
  }

  /// Waits a moment: workers of a process that was killed just now may not be gone yet, and hold
  /// what they have of it.
  void lock() const {
    for (int tries = 0; ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
      if (tries == 50) throw Error(path_, "is in use by another process", "one process a ledger");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void cut(size_t size) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) fail("can't be cut");
    size_ = size;
  }

  void add(const std::string& line) {
    const ssize_t written = ::write(file_.get(), line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) {
      size_ += line.size();
      return;
    }
    if (written >= 0) errno = ENOSPC;
    const int problem = errno;
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) == 0) errno = problem;
    fail("can't be written");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(path_, what + ": " + std::strerror(errno));
  }

  std::string path_;
  detail::Descriptor file_;
  size_t size_ = 0;
};

Ledger::Ledger(KnobSpace space, std::string problem, uint64_t seed)
    : space_(std::make_shared<const KnobSpace>(std::move(space))),
      problem_(detail::as_written(problem)),
      seed_(seed) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

std::string Ledger::header() const {
  const nlohmann::ordered_json json = {{"format", format},
                                       {"version", version},
                                       {"space", space_->fingerprint()},
                                       {"seed", seed_},
                                       {"problem", problem_}};
  return json.dump() + "\n";
}

void Ledger::check_header(std::string_view line, const std::string& where) const {
  const auto json = detail::read_object(line, where);
  const auto refuse = [&](const char* name, const nlohmann::ordered_json& expected) {
    const auto found = json.find(name);
    if (found != json.end() && *found == expected) return;
    const std::string shown =
        found == json.end() ? "missing"
                            : found->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    throw Error(where, std::string("the ledger's ") + name + " is " + shown.substr(0, 200),
                expected.dump());
  };
  refuse("format", format);
  refuse("version", version);
  refuse("problem", problem_);
  refuse("space", space_->fingerprint());
  refuse("seed", seed_);
}

size_t Ledger::read_lines(std::string_view content, const std::string& where) {
  size_t begin = 0;
  for (size_t line = 1; begin < content.size(); ++line) {
    const size_t end = content.find('\n', begin);
    if (end == std::string_view::npos) {
      // Without its header it may be anybody's file: only the beginning of ours is dropped.
      if (line == 1 && !header().starts_with(content)) {
        throw Error(where, "isn't a ledger", "a file that begins with a header line");
      }
      dropped_ = fmt::format("{}: the last line ({} bytes) was torn and is dropped", where,
                             content.size() - begin);
      break;
    }
    const std::string_view text = content.substr(begin, end - begin);
    const std::string name = line_name(where, line);
    if (line == 1) {
      check_header(text, name);
    } else {
      Entry entry = detail::read_entry(text, *space_, name);
      try {
        append(std::move(entry));
      } catch (const Error& error) {
        throw Error(name, error.what());
      }
    }
    begin = end + 1;
  }
  return begin;
}

Ledger Ledger::read(std::string_view content, const std::string& where, KnobSpace space,
                    std::string problem, uint64_t seed) {
  Ledger ledger(std::move(space), std::move(problem), seed);
  ledger.read_lines(content, where);
  return ledger;
}

Ledger Ledger::open(const std::string& path, KnobSpace space, std::string problem, uint64_t seed) {
  Ledger ledger(std::move(space), std::move(problem), seed);
  auto file = std::make_unique<File>(path);
  const std::vector<std::byte> bytes = read_file(path, largest_file);
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t whole = ledger.read_lines(content, path);
  file->cut(whole);
  if (whole == 0) file->add(ledger.header());
  ledger.file_ = std::move(file);
  return ledger;
}

const Entry* Ledger::find(const Setting& setting) const {
  const auto found = index_.find(setting);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void Ledger::check_new(const Entry& entry) const {
  space_->check(entry.setting);
  if (index_.contains(entry.setting)) {
    throw Error("ledger", "setting " + to_string(entry.setting) + " is there already");
  }
  if (entry.found) check(*entry.found);
  if (!std::isfinite(entry.seconds) || entry.seconds < 0) {
    throw Error("ledger", "an entry's seconds aren't a time");
  }
  const int64_t last = entries_.empty() ? 0 : entries_.back().round;
  if (entry.round < last) throw Error("ledger", "an entry's round lies before the last one");
}

void Ledger::append(Entry entry) {
  check_new(entry);
  entry.failure = detail::as_written(entry.failure.substr(0, Entry::longest_failure));
  if (file_) {
    const std::string line = detail::write_entry(entry) + "\n";
    if (line.size() > largest_line) throw Error("ledger", "an entry is too long", "at most 1 MiB");
    file_->add(line);
  }
  index_[entry.setting] = entries_.size();
  entries_.push_back(std::move(entry));
}

Ledger Ledger::head(size_t count) const {
  Ledger result(*space_, problem_, seed_);
  result.space_ = space_;
  for (size_t i = 0; i < std::min(count, entries_.size()); ++i) {
    result.index_[entries_[i].setting] = i;
    result.entries_.push_back(entries_[i]);
  }
  return result;
}

}  // namespace betimes::fit
