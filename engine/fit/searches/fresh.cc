#include "betimes/fit/searches/detail/fresh.h"

namespace betimes::fit::detail {
namespace {

constexpr uint64_t countable = 100'000;
constexpr int last_tries = 1000;

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): neighbours in, strangers out.
uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Random random_for(uint64_t seed, const Ledger& ledger) {
  return Random(scramble(scramble(seed + 0x9e3779b97f4a7c15) + ledger.size()));
}

bool Fresh::is_new(const Setting& setting) const {
  return !taken_.contains(setting) && ledger_.find(setting) == nullptr;
}

bool Fresh::take(const Setting& setting) {
  if (!is_new(setting) || !space_.allows(setting)) return false;
  taken_.insert(setting);
  order_.push_back(setting);
  return true;
}

bool Fresh::draw(const std::function<Setting(int)>& draw, Random& random) {
  const auto all = space_.size();
  // All taken, before any constraint: no need to look.
  if (all && *all <= ledger_.size() + taken_.size()) return false;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (take(draw(attempt))) return true;
  }
  return take_any(random);
}

bool Fresh::take_any(Random& random) {
  const auto all = space_.size();
  if (!all || *all > countable) {
    for (int i = 0; i < last_tries; ++i) {
      if (take(space_.sample(random))) return true;
    }
    return false;
  }
  std::vector<Setting> left;
  for (Setting& setting : space_.enumerate(countable)) {
    if (is_new(setting)) left.push_back(std::move(setting));
  }
  return !left.empty() && take(left[random.below(left.size())]);
}

}  // namespace betimes::fit::detail
