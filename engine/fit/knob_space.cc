#include "betimes/fit/knob_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

constexpr int tries = 1000;
constexpr uint64_t enumerable = 100'000;
constexpr uint64_t countable = uint64_t{1} << 62;

std::string where(const std::string& knob) {
  std::string text = "knob '";
  text += knob;
  return text + "'";
}

/// Names and values are written into JSON and onto terminals.
bool printable(const std::string& text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  if (std::any_of(text.begin(), text.end(), control)) return false;
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {  // not UTF-8
    return false;
  }
  return true;
}

void check_domain(const std::string& name, const Categories& domain) {
  if (domain.values.empty()) throw Error(where(name), "has no values", "one at least");
  std::set<std::string> written;
  for (const Value& value : domain.values) {
    const std::string text = to_string(value);
    if (!printable(text)) throw Error(where(name), "has a value that can't be printed");
    const auto* number = std::get_if<double>(&value);
    if (number && !std::isfinite(*number))
      throw Error(where(name), "has a value that isn't finite");
    if (!written.insert(text).second) {
      throw Error(where(name), "has two values that are written '" + text + "'");
    }
  }
}

void check_domain(const std::string& name, const Integers& domain) {
  if (domain.step < 1) throw Error(where(name), "has a step below 1");
  if (domain.low > domain.high) throw Error(where(name), "has low > high");
  if (static_cast<uint64_t>(domain.high) - static_cast<uint64_t>(domain.low) > countable) {
    throw Error(where(name), "has more than 2^62 values");
  }
}

void check_domain(const std::string& name, const Reals& domain) {
  if (!std::isfinite(domain.low) || !std::isfinite(domain.high) || !(domain.low < domain.high) ||
      !std::isfinite(domain.high - domain.low)) {
    throw Error(where(name), "has no range", "finite numbers low < high");
  }
  if (domain.logarithmic && !(domain.low > 0)) {
    throw Error(where(name), "is logarithmic and reaches 0 or below", "low > 0");
  }
}

void check_contains(const Knob& knob, const Value& value) {
  if (contains(knob.domain, value)) return;
  throw Error(where(knob.name), "can't be '" + to_string(value) + "'", to_string(knob.domain));
}

template <class Number>
std::optional<Value> parse_number(const std::string& text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return Value(number);
}

std::optional<Value> parse_value(const Domain& domain, const std::string& text) {
  if (std::holds_alternative<Reals>(domain)) return parse_number<double>(text);
  if (std::holds_alternative<Integers>(domain)) return parse_number<int64_t>(text);
  for (const Value& value : std::get<Categories>(domain).values) {
    if (to_string(value) == text) return value;
  }
  return std::nullopt;
}

Value uniform(const Domain& domain, Random& random) {
  if (const auto* reals = std::get_if<Reals>(&domain)) return real_at(*reals, random.uniform());
  return value_at(domain, random.below(*count(domain)));
}

/// A neighbour at most a tenth of the domain away, itself excluded; count > 1.
uint64_t near_index(uint64_t index, uint64_t count, Random& random) {
  const uint64_t reach = std::max<uint64_t>(1, count / 10);
  const uint64_t low = index - std::min(index, reach);
  const uint64_t high = std::min(count - 1, index + reach);
  const uint64_t pick = low + random.below(high - low);  // one fewer: `index` is left out
  return pick < index ? pick : pick + 1;
}

uint64_t other_index(uint64_t index, uint64_t count, Random& random) {
  const uint64_t pick = random.below(count - 1);
  return pick < index ? pick : pick + 1;
}

/// FNV-1a (Fowler, Noll and Vo), 64 bits.
void mix(uint64_t& hash, const std::string& text) {
  for (const char c : text + '\n') {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
}

std::string canonical(const Value& value) {
  const auto* number = std::get_if<double>(&value);
  return fmt::format("{}:{}", value.index(),
                     number ? fmt::format("{:.17g}", *number) : to_string(value));
}

std::string canonical(const Domain& domain) {
  if (const auto* categories = std::get_if<Categories>(&domain)) {
    std::string text = "categories";
    for (const Value& value : categories->values) text += '\t' + canonical(value);
    return text;
  }
  if (const auto* integers = std::get_if<Integers>(&domain)) {
    return fmt::format("integers {} {} {}", integers->low, integers->high, integers->step);
  }
  const auto& reals = std::get<Reals>(domain);
  return fmt::format("reals {:.17g} {:.17g} {}", reals.low, reals.high, reals.logarithmic);
}

}  // namespace

KnobSpace& KnobSpace::add(Knob knob) {
  const std::string& name = knob.name;
  if (name.empty() || name.find_first_of("= ") != std::string::npos || !printable(name)) {
    throw Error(where(name), "isn't a name", "printable text without '=' and blanks");
  }
  const auto same = [&](const Knob& other) { return other.name == name; };
  if (std::any_of(knobs_.begin(), knobs_.end(), same)) throw Error(where(name), "exists already");
  std::visit([&](const auto& domain) { check_domain(name, domain); }, knob.domain);
  if (!contains(knob.domain, knob.standard)) {
    throw Error(where(name), "has the standard value '" + to_string(knob.standard) + "'",
                to_string(knob.domain));
  }
  knobs_.push_back(std::move(knob));
  return *this;
}

KnobSpace& KnobSpace::require(std::string why, std::function<bool(const Setting&)> holds) {
  if (!holds) throw Error("constraint '" + why + "'", "has no function");
  constraints_.push_back({std::move(why), std::move(holds)});
  return *this;
}

const Knob& KnobSpace::knob(const std::string& name) const {
  std::string names;
  for (const Knob& knob : knobs_) {
    if (knob.name == name) return knob;
    names += (names.empty() ? "" : ", ") + knob.name;
  }
  throw Error(where(name), "is unknown", knobs_.empty() ? "no knob: there is none" : names);
}

Setting KnobSpace::standard() const {
  Setting setting;
  for (const Knob& knob : knobs_) setting[knob.name] = knob.standard;
  return setting;
}

const KnobSpace::Constraint* KnobSpace::broken(const Setting& setting) const {
  for (const Constraint& constraint : constraints_) {
    if (!constraint.holds(setting)) return &constraint;
  }
  return nullptr;
}

void KnobSpace::check(const Setting& setting) const {
  for (const Knob& knob : knobs_) {
    const auto found = setting.find(knob.name);
    if (found == setting.end()) throw Error(where(knob.name), "has no value in the setting");
    check_contains(knob, found->second);
  }
  if (setting.size() != knobs_.size()) {
    for (const auto& [name, value] : setting) (void)knob(name);  // throws for the unknown one
  }
  if (const Constraint* constraint = broken(setting)) {
    throw Error("setting " + to_string(setting), "breaks a constraint", constraint->why);
  }
}

bool KnobSpace::allows(const Setting& setting) const {
  if (setting.size() != knobs_.size()) return false;
  for (const Knob& knob : knobs_) {
    const auto found = setting.find(knob.name);
    if (found == setting.end() || !contains(knob.domain, found->second)) return false;
  }
  return broken(setting) == nullptr;
}

Setting KnobSpace::parse(const std::vector<std::string>& texts) const {
  Setting setting = standard();
  std::set<std::string> given;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) throw Error("'" + text + "'", "isn't a setting", "name=value");
    const Knob& one = knob(text.substr(0, equals));
    if (!given.insert(one.name).second) throw Error(where(one.name), "is given twice");
    const std::string written = text.substr(equals + 1);
    const auto value = parse_value(one.domain, written);
    if (!value || !contains(one.domain, *value)) {
      throw Error(where(one.name), "can't be '" + written + "'", to_string(one.domain));
    }
    setting[one.name] = *value;
  }
  check(setting);
  return setting;
}

std::optional<uint64_t> KnobSpace::size() const {
  uint64_t product = 1;
  for (const Knob& knob : knobs_) {
    const auto values = count(knob.domain);
    if (!values || *values > countable / product) return std::nullopt;
    product *= *values;
  }
  return product;
}

Setting KnobSpace::at(uint64_t index) const {
  Setting setting;
  for (auto knob = knobs_.rbegin(); knob != knobs_.rend(); ++knob) {
    const uint64_t values = count(knob->domain).value();
    setting[knob->name] = value_at(knob->domain, index % values);
    index /= values;
  }
  return setting;
}

std::vector<Setting> KnobSpace::enumerate(uint64_t most) const {
  const auto all = size();
  if (!all || *all > most) {
    throw Error("knob space", all ? fmt::format("has {} settings", *all) : "can't be enumerated",
                fmt::format("at most {}", most));
  }
  std::vector<Setting> result;
  for (uint64_t i = 0; i < *all; ++i) {
    Setting setting = at(i);
    if (!broken(setting)) result.push_back(std::move(setting));
  }
  return result;
}

Setting KnobSpace::sample(Random& random) const {
  for (int i = 0; i < tries; ++i) {
    Setting setting;
    for (const Knob& knob : knobs_) setting[knob.name] = uniform(knob.domain, random);
    if (!broken(setting)) return setting;
  }
  const auto all = size();
  if (all && *all <= enumerable) {
    const std::vector<Setting> allowed = enumerate(enumerable);
    if (allowed.empty()) throw Error("knob space", "has no setting that its constraints allow");
    return allowed[random.below(allowed.size())];
  }
  throw Error("knob space", fmt::format("has constraints that {} random settings broke", tries),
              "fewer of them, or knobs that can't break them");
}

void KnobSpace::change(Setting& setting, size_t knob, Random& random) const {
  const Domain& domain = knobs_[knob].domain;
  Value& value = setting.at(knobs_[knob].name);
  const bool near = random.below(2) == 0;
  if (const auto* reals = std::get_if<Reals>(&domain)) {
    const double share = share_of(*reals, std::get<double>(value));
    value = real_at(*reals, near ? share + 0.1 * random.normal() : random.uniform());
    return;
  }
  const uint64_t values = *count(domain);
  const uint64_t index = index_of(domain, value).value();
  const bool ordered = std::holds_alternative<Integers>(domain);
  value = value_at(domain, near && ordered ? near_index(index, values, random)
                                           : other_index(index, values, random));
}

Setting KnobSpace::mutate(const Setting& setting, Random& random) const {
  check(setting);
  std::vector<size_t> movable;
  for (size_t i = 0; i < knobs_.size(); ++i) {
    if (count(knobs_[i].domain) != uint64_t{1}) movable.push_back(i);
  }
  for (size_t changes = 1; changes <= movable.size(); ++changes) {
    for (int i = 0; i < tries / 4; ++i) {
      Setting other = setting;
      random.shuffle(std::span<size_t>(movable));
      for (size_t k = 0; k < changes; ++k) change(other, movable[k], random);
      if (other != setting && !broken(other)) return other;
    }
  }
  return setting;
}

std::vector<double> KnobSpace::encode(const Setting& setting) const {
  check(setting);
  std::vector<double> result;
  for (const Knob& knob : knobs_) {
    const Value& value = setting.at(knob.name);
    if (const auto* reals = std::get_if<Reals>(&knob.domain)) {
      result.push_back(share_of(*reals, std::get<double>(value)));
      continue;
    }
    const uint64_t index = index_of(knob.domain, value).value();
    const uint64_t values = *count(knob.domain);
    if (std::holds_alternative<Integers>(knob.domain)) {
      result.push_back(values > 1 ? static_cast<double>(index) / static_cast<double>(values - 1)
                                  : 0.0);
      continue;
    }
    for (uint64_t i = 0; i < values; ++i) result.push_back(i == index ? 1.0 : 0.0);
  }
  return result;
}

std::string KnobSpace::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325;
  for (const Knob& knob : knobs_) {
    mix(hash, knob.name);
    mix(hash, canonical(knob.domain));
    mix(hash, canonical(knob.standard));
  }
  for (const Constraint& constraint : constraints_) mix(hash, "require " + constraint.why);
  return fmt::format("{:016x}", hash);
}

}  // namespace betimes::fit
