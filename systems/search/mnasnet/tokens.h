#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "betimes/fit/ledger.h"
#include "betimes/fit/objective.h"
#include "systems/search/mnasnet/reward.h"

// A network written down token by token, what it is worth, and a log of those that were tried.

namespace betimes::systems::mnasnet {

using Tokens = std::vector<int>;

/// One decision: a name and how many alternatives there are.
struct Token {
  std::string name;
  int alternatives = 2;
};

/// What a controller writes: one choice a token, in order.
struct TokenSpace {
  std::string name;
  std::vector<Token> tokens;
  /// Which alternatives of the next token are legal after `before`; at least one must be. Empty:
  /// all are, always.
  std::function<std::vector<bool>(std::span<const int> before)> legal;

  size_t length() const { return tokens.size(); }
  int most_alternatives() const;
  /// The mask of the token after `before`, of its size.
  std::vector<bool> mask(std::span<const int> before) const;
  /// Throws Error for another length, a choice that doesn't exist or isn't legal.
  void check(const Tokens& chosen) const;
};

/// What an evaluation finds.
struct Judged {
  double accuracy = 0;  // in (0, 1]
  double ms = 0;
  double macs = 0;
};
using Judge = std::function<Judged(const Tokens&)>;

struct Trial {
  Tokens tokens;
  Judged found;
  double reward = 0;
};

/// Evaluates each network once and remembers it: repetitions are frequent late in a search.
class CachedJudge {
 public:
  explicit CachedJudge(Judge judge) : judge_(std::move(judge)) {}
  const Judged& operator()(const Tokens& tokens);
  size_t evaluations() const { return known_.size(); }

 private:
  Judge judge_;
  std::map<Tokens, Judged> known_;
};

/// What a reward looks at beside accuracy.
enum class Cost { latency, macs };
double cost_of(const Judged& found, Cost cost);

/// The space for the engine's searches: one knob a token, illegal combinations excluded.
fit::KnobSpace knob_space(const TokenSpace& space);
Tokens tokens_of(const TokenSpace& space, const fit::Setting& setting);

/// Runs one of the engine's searches ("random", "evolution:population=50,tournament=10") for so
/// many evaluations, for accuracy with at most `budget_ms`.
struct BaselineSearch {
  std::string name = "random";
  int samples = 1000;
  uint64_t seed = 1;
  double budget_ms = 1;
};
std::vector<Trial> baseline_search(const TokenSpace& space, const Judge& judge,
                                   const BaselineSearch& how);

/// The most accurate trial among those with at most `ms`; nullptr: there is none.
const Trial* best_within(const std::vector<Trial>& trials, double ms);
/// Its accuracy; 0 where there is none.
double best_accuracy_within(const std::vector<Trial>& trials, double ms);
/// Standard deviation of the natural logarithm of latency over trials `first` and later.
double log_latency_spread(const std::vector<Trial>& trials, size_t first);
/// Area between the front of the trials and (least accuracy, most ms).
double hypervolume(const std::vector<Trial>& trials, double least_accuracy, double most_ms);

}  // namespace betimes::systems::mnasnet
