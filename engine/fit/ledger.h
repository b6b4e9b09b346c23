#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/fit/knob_space.h"

namespace betimes::fit {

/// What an evaluation of a setting found.
struct Outcome {
  double quality = 0;     // larger is better; in [0, 1] wherever a budget has a quality floor
  double latency_ms = 0;  // of the statistic that the frontier shows, usually the median; >= 0
  /// Whatever else was measured, by name. A budget looks here for the statistics it bounds ("p50",
  /// "p90", "p99", "mean", in milliseconds) and for "memory_bytes".
  std::map<std::string, double> extra;
  bool operator==(const Outcome&) const = default;
};
/// Throws Error for what isn't finite and for a negative latency.
void check(const Outcome& outcome);

/// One setting that was tried.
struct Entry {
  static constexpr size_t longest_failure = 2000;
  Setting setting;
  std::optional<Outcome> found;  // nullopt: the evaluation failed
  std::string failure;           // why it did, cut to longest_failure bytes
  double seconds = 0;            // what the evaluation took
  int64_t round = 0;             // settings proposed together have the same
};

/// Everything that was tried, in order, each setting once. In memory, or kept in a file as it
/// grows: one JSON object a line, the first of which says what problem the rest belongs to.
///   {"format":"betimes-ledger","version":1,"space":"<fingerprint>","seed":7,"problem":"..."}
///   {"round":0,"setting":{"depth":4},"status":"done","quality":0.93,"latency_ms":1.2,"extra":{},
///    "seconds":0.4}
///   {"round":0,"setting":{"depth":9},"status":"failed","reason":"...","seconds":0.1}
/// A line is written at once, so a process that is killed leaves whole lines, and at worst a torn
/// last one, which the next open() drops.
class Ledger {
 public:
  static constexpr size_t largest_line = size_t{1} << 20;  // bytes
  static constexpr size_t largest_file = size_t{1} << 30;

  /// In memory only.
  Ledger(KnobSpace space, std::string problem, uint64_t seed);
  /// What `content` holds of that problem, in memory. Throws Error naming `where` and the line for
  /// what can't be read or belongs to another problem, space or seed; a torn last line is dropped
  /// and dropped() says so.
  static Ledger read(std::string_view content, const std::string& where, KnobSpace space,
                     std::string problem, uint64_t seed);
  /// Goes on with the file at `path`, or begins it. Throws Error as read() does, and when the file
  /// can't be written or another process has it open.
  static Ledger open(const std::string& path, KnobSpace space, std::string problem, uint64_t seed);

  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  const KnobSpace& space() const { return *space_; }
  const std::string& problem() const { return problem_; }
  uint64_t seed() const { return seed_; }
  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  /// The entry of that setting; nullptr: not tried.
  const Entry* find(const Setting& setting) const;
  /// What open() had to drop, as a sentence; empty: nothing.
  const std::string& dropped() const { return dropped_; }

  /// Throws Error for a setting that the space doesn't allow or that is there already, for an
  /// outcome that isn't finite, a round before the last one, or when the file can't be written;
  /// the ledger and its file are then as before.
  void append(Entry entry);
  /// The first `count` entries, in memory.
  Ledger head(size_t count) const;

 private:
  class File;
  std::string header() const;
  void check_header(std::string_view line, const std::string& where) const;
  void check_new(const Entry& entry) const;
  /// How many bytes of `content` are whole lines, all of them read.
  size_t read_lines(std::string_view content, const std::string& where);

  std::shared_ptr<const KnobSpace> space_;
  std::string problem_;
  uint64_t seed_ = 0;
  std::vector<Entry> entries_;
  std::map<Setting, size_t> index_;
  std::string dropped_;
  std::unique_ptr<File> file_;
};

}  // namespace betimes::fit
