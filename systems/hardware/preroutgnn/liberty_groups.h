#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace betimes::systems::preroutgnn {

/// `name(arguments) { attributes and groups }` of a Liberty file.
struct LibertyGroup {
  struct Attribute {
    std::string name;
    std::vector<std::string> values;  // one for `name : value`, any number for `name(values)`
    size_t line = 0;
  };
  std::string name;
  std::vector<std::string> arguments;
  size_t line = 0;
  std::vector<Attribute> attributes;
  std::vector<LibertyGroup> groups;

  /// The last attribute of that name, or null.
  const Attribute* find(std::string_view attribute) const;
  /// Its first value; empty where it hasn't one.
  std::string text(std::string_view attribute) const;
};

/// The outermost group. Groups of powers, currents and waveforms are checked for form and left
/// out. Throws Error naming `where` and the line for what isn't Liberty, is nested deeper than 32
/// or ends early.
LibertyGroup parse_liberty_groups(std::string_view text, const std::string& where);

}  // namespace betimes::systems::preroutgnn
