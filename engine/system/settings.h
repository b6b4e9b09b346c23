#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace betimes::system {

/// What `train --set NAME=VALUE` gave, read by name:
///
///   Settings settings(options.set, "sdim's training");
///   settings.whole("epochs", how.epochs, 1, 1000);
///   settings.finish();
///
/// Each call leaves its target alone unless the setting was given, and throws Error naming it for a
/// value that it can't have.
class Settings {
 public:
  /// `whose` ends the message about a setting that isn't known.
  Settings(std::map<std::string, std::string> given, std::string whose);

  void number(const std::string& name, double& target, double low, double high);
  template <class Integer>
  void whole(const std::string& name, Integer& target, int64_t low, int64_t high) {
    target = static_cast<Integer>(whole_or(name, static_cast<int64_t>(target), low, high));
  }
  /// One of `all`, as `spell` names it.
  template <class Value, class Spell>
  void choice(const std::string& name, Value& target, std::initializer_list<Value> all,
              const Spell& spell) {
    std::vector<std::string> names;
    for (const Value& each : all) names.emplace_back(spell(each));
    if (const std::optional<size_t> place = place_of(name, names)) target = all.begin()[*place];
  }

  /// Throws Error for a setting that none of the calls asked for, with those that they did.
  void finish() const;

 private:
  const std::string* find(const std::string& name);
  std::optional<size_t> place_of(const std::string& name, const std::vector<std::string>& names);
  int64_t whole_or(const std::string& name, int64_t otherwise, int64_t low, int64_t high);

  std::map<std::string, std::string> given_;
  std::string whose_;
  std::vector<std::string> asked_;
};

}  // namespace betimes::system
