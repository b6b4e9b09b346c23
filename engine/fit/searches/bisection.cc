#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/fit/searches/detail/factories.h"

namespace betimes::fit::detail {
namespace {

constexpr size_t most_steps = 4096;

/// Settings along a chain 0, 1, ..., of which those up to some k are taken to keep the budget and
/// those beyond not to: finds the largest k in log2(length) evaluations, or fewer rounds of several
/// (then the interval is cut into count + 1 parts).
class BisectionSearch : public Search {
 public:
  BisectionSearch(Ingredients made_of, std::vector<Setting> chain)
      : objective_(std::move(made_of.objective)), chain_(std::move(chain)) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    int64_t fails = static_cast<int64_t>(chain_.size());
    for (int64_t k = fails - 1; k >= 0; --k) {
      const Entry* entry = ledger.find(at(k));
      if (entry && !objective_.holds(*entry)) fails = k;
    }
    int64_t holds = -1;
    for (int64_t k = 0; k < fails; ++k) {
      if (ledger.find(at(k))) holds = k;  // below the first that fails: it holds
    }
    std::vector<Setting> result;
    const int64_t parts = std::min<int64_t>(std::max(count, 1), most_steps) + 1;
    int64_t last = holds;
    for (int64_t part = 1; part < parts; ++part) {
      const int64_t k = holds + (fails - holds) * part / parts;
      if (k <= last || k >= fails) continue;
      last = k;
      result.push_back(at(k));
    }
    // Few are left: the parts may all have been rounded down to the one that holds.
    if (result.empty() && holds + 1 < fails) result.push_back(at(holds + 1));
    return result;
  }

 private:
  const Setting& at(int64_t k) const { return chain_[static_cast<size_t>(k)]; }

  Objective objective_;
  std::vector<Setting> chain_;
};

bool is_flag(const Knob& knob) {
  return count(knob.domain) == uint64_t{2} && contains(knob.domain, false) &&
         contains(knob.domain, true);
}

bool is_ordered(const Knob& knob) { return !std::holds_alternative<Categories>(knob.domain); }

std::vector<Setting> chain_of_knob(const KnobSpace& space, const Knob& knob) {
  if (!is_ordered(knob)) {
    throw Error("search 'bisection'", "knob '" + knob.name + "' has no order",
                "integers, real numbers, or flags=PREFIX");
  }
  std::vector<Setting> chain;
  Setting setting = space.standard();
  for (const Value& value : levels(knob.domain, most_steps)) {
    setting[knob.name] = value;
    if (space.allows(setting)) chain.push_back(setting);
  }
  return chain;
}

/// None of the flags, the first, the first two, ..., in the order of the space.
std::vector<Setting> chain_of_flags(const KnobSpace& space, const std::string& prefix) {
  std::vector<std::string> names;
  Setting setting = space.standard();
  for (const Knob& knob : space.knobs()) {
    if (!is_flag(knob) || !knob.name.starts_with(prefix)) continue;
    names.push_back(knob.name);
    setting[knob.name] = false;
  }
  if (names.empty()) {
    throw Error("search 'bisection'", "no knob that is false or true begins with '" + prefix + "'");
  }
  std::vector<Setting> chain;
  if (space.allows(setting)) chain.push_back(setting);
  for (const std::string& name : names) {
    setting[name] = true;
    if (space.allows(setting)) chain.push_back(setting);
  }
  return chain;
}

std::vector<Setting> find_chain(const KnobSpace& space, const std::string& knob,
                                const std::string& flags) {
  if (!knob.empty() && !flags.empty()) {
    throw Error("search 'bisection'", "has both knob= and flags=", "one of them");
  }
  if (!knob.empty()) return chain_of_knob(space, space.knob(knob));
  if (!flags.empty()) return chain_of_flags(space, flags);
  std::vector<const Knob*> ordered;
  for (const Knob& each : space.knobs()) {
    if (is_ordered(each)) ordered.push_back(&each);
  }
  if (ordered.size() == 1) return chain_of_knob(space, *ordered.front());
  if (ordered.empty()) return chain_of_flags(space, "");
  throw Error("search 'bisection'", "the space has several ordered knobs", "knob=NAME");
}

}  // namespace

std::unique_ptr<Search> make_bisection(Ingredients ingredients, Parameters& parameters) {
  const std::string knob = parameters.text("knob", "");
  const std::string flags = parameters.text("flags", "");
  std::vector<Setting> chain = find_chain(ingredients.space, knob, flags);
  if (chain.empty()) throw Error("search 'bisection'", "the constraints allow nothing on its way");
  return std::make_unique<BisectionSearch>(std::move(ingredients), std::move(chain));
}

}  // namespace betimes::fit::detail
