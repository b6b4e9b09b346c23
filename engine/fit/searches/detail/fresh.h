#pragma once

#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "betimes/base/random.h"
#include "betimes/fit/ledger.h"

namespace betimes::fit::detail {

/// A generator that differs from call to call as the ledger grows and follows from both alone.
Random random_for(uint64_t seed, const Ledger& ledger);

/// The settings that one propose() collects: allowed, not in the ledger, each once.
class Fresh {
 public:
  Fresh(const KnobSpace& space, const Ledger& ledger) : space_(space), ledger_(ledger) {}

  bool is_new(const Setting& setting) const;
  /// Takes a setting if it is allowed and new; whether it was.
  bool take(const Setting& setting);
  /// Takes the first new setting that draw(0), draw(1), ... gives; after 100 old ones any new
  /// setting, uniformly. False: the space has none left (or none was found in a thousand draws,
  /// where it is too large to count).
  bool draw(const std::function<Setting(int attempt)>& draw, Random& random);

  static constexpr int attempts = 100;
  int size() const { return static_cast<int>(taken_.size()); }
  std::vector<Setting> settings() && { return std::move(order_); }

 private:
  bool take_any(Random& random);

  const KnobSpace& space_;
  const Ledger& ledger_;
  std::set<Setting> taken_;
  std::vector<Setting> order_;
};

}  // namespace betimes::fit::detail
