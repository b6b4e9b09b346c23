#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "betimes/fit/setting.h"

namespace betimes::fit {

/// One of some values, without an order.
struct Categories {
  std::vector<Value> values;
};
/// low, low + step, ... up to high.
struct Integers {
  int64_t low = 0, high = 0, step = 1;
};
/// Every real number from low to high; on a logarithmic scale where `logarithmic` (low > 0).
struct Reals {
  double low = 0, high = 1;
  bool logarithmic = false;
};
using Domain = std::variant<Categories, Integers, Reals>;

/// A named choice that trades quality for latency.
struct KnobSpec {
  std::string name;
  Domain domain;
  Value standard;
  std::string summary;  // one line: what more of it costs and brings
};

/// Named knobs with domains, defaults, and constraints between them.
class KnobSpace {
 public:
  /// Throws Error for a second knob of that name, an empty domain, a default outside of it.
  KnobSpace& add(KnobSpec knob);
  /// A setting is allowed only where `holds`; `why` says what must hold, for messages.
  KnobSpace& require(std::string why, std::function<bool(const Setting&)> holds);

  const std::vector<KnobSpec>& knobs() const { return knobs_; }
  Setting standard() const;
  /// Throws Error naming the knob that is missing, unknown or outside its domain, or the constraint
  /// that is broken.
  void check(const Setting& setting) const;
  bool allows(const Setting& setting) const;
  /// Reads "name=value" texts over the standard setting; throws Error as check() does.
  Setting parse(const std::vector<std::string>& texts) const;

  /// How many settings there are before constraints; nullopt with a real knob or beyond 2^62.
  std::optional<uint64_t> size() const;
  /// Every allowed setting, the last knob changing fastest. Throws Error when there are more than
  /// `most` before constraints.
  std::vector<Setting> enumerate(uint64_t most = 1'000'000) const;
  /// An allowed setting, each knob uniform over its domain; throws Error when a thousand tries in a
  /// row break a constraint.
  Setting sample(std::mt19937_64& random) const;
  /// `setting` with one knob changed to another value (integers and reals: a near one half the time).
  Setting mutate(const Setting& setting, std::mt19937_64& random) const;
  /// Coordinates in [0, 1] for models of the space: one a number, one a category each.
  std::vector<double> encode(const Setting& setting) const;

 private:
  struct Constraint {
    std::string why;
    std::function<bool(const Setting&)> holds;
  };
  std::vector<KnobSpec> knobs_;
  std::vector<Constraint> constraints_;
};

}  // namespace betimes::fit
