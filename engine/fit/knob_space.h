#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "betimes/base/random.h"
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

/// false and true, in this order.
Domain flag();
/// How many values there are; nullopt for real numbers. At least 1 in a domain of a knob.
std::optional<uint64_t> count(const Domain& domain);
/// The value with that index in the domain's order; index < count.
Value value_at(const Domain& domain, uint64_t index);
/// Where value_at() has it; nullopt for what isn't in the domain and for real numbers.
std::optional<uint64_t> index_of(const Domain& domain, const Value& value);
bool contains(const Domain& domain, const Value& value);
/// Values spread evenly over the domain, at most `most` >= 2 of them, both ends included: all
/// values where there are no more than that. Categories are never thinned out.
std::vector<Value> levels(const Domain& domain, size_t most);
/// Where a value lies between low (0) and high (1) on the domain's scale, and the value there.
double share_of(const Reals& domain, double value);
double real_at(const Reals& domain, double share);
/// "one of fp32, int8", "1 to 9 in steps of 2", "0.1 to 10 (logarithmic)".
std::string to_string(const Domain& domain);

/// A named choice that trades quality for latency.
struct Knob {
  std::string name;
  Domain domain;
  Value standard;       // what the predictor has when nobody asks for anything else
  std::string summary;  // one line: what more of it costs and brings
};

/// Named knobs with domains, defaults, and constraints between them.
class KnobSpace {
 public:
  /// Throws Error for a name that is empty, taken, or holds '=', blanks or control characters; an
  /// empty domain, values that are written alike, a default outside of the domain.
  KnobSpace& add(Knob knob);
  /// A setting is allowed only where `holds` (which sees settings whose values are all in their
  /// domains); `why` says what must hold, for messages: "heads divides width". `holds` must give
  /// the same answer each time.
  KnobSpace& require(std::string why, std::function<bool(const Setting&)> holds);

  const std::vector<Knob>& knobs() const { return knobs_; }
  /// The one called `name`; throws Error that lists those there are.
  const Knob& knob(const std::string& name) const;
  Setting standard() const;
  /// Throws Error naming the knob that is missing, unknown or outside its domain, or the constraint
  /// that is broken.
  void check(const Setting& setting) const;
  bool allows(const Setting& setting) const;
  /// Reads "name=value" texts over the standard setting; throws Error as check() does.
  Setting parse(const std::vector<std::string>& texts) const;

  /// How many settings there are before constraints; nullopt with a real knob or beyond 2^62.
  std::optional<uint64_t> size() const;
  /// The setting with that index, the last knob changing fastest, whether constraints allow it or
  /// not. Needs a size() > index.
  Setting at(uint64_t index) const;
  /// Every allowed setting, the last knob changing fastest. Throws Error when there are more than
  /// `most` before constraints.
  std::vector<Setting> enumerate(uint64_t most = 1'000'000) const;
  /// An allowed setting, each knob uniform over its domain (on its scale) given the constraints.
  /// Throws Error when a thousand tries in a row break a constraint in a space too large to
  /// enumerate, or when nothing is allowed.
  Setting sample(Random& random) const;
  /// `setting` with one knob changed to another value (integers and reals: a near one half the
  /// time), or with more where constraints allow no single change. `setting` itself where nothing
  /// else is allowed.
  Setting mutate(const Setting& setting, Random& random) const;
  /// Coordinates in [0, 1] for models of the space: one a number, one a category each.
  std::vector<double> encode(const Setting& setting) const;

  /// Hexadecimal digits that differ between spaces whose knobs, domains, defaults or constraints
  /// (by their `why`) do; the same on every machine. For files that belong to a space.
  std::string fingerprint() const;

 private:
  struct Constraint {
    std::string why;
    std::function<bool(const Setting&)> holds;
  };
  /// The first constraint that is broken; nullptr: none.
  const Constraint* broken(const Setting& setting) const;
  void change(Setting& setting, size_t knob, Random& random) const;

  std::vector<Knob> knobs_;
  std::vector<Constraint> constraints_;
};

}  // namespace betimes::fit
