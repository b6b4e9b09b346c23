#include "systems/hardware/preroutgnn/liberty.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/base/gzip.h"
#include "systems/hardware/preroutgnn/liberty_groups.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t max_file = size_t{256} << 20;
constexpr size_t max_axis = 64;
// Far above what libraries have: a short text can name one timing for many pins.
constexpr size_t most_pins = 1024, most_arcs = 65'536;
constexpr double largest_area = 1e6;

using Numbers = std::vector<double>;

class Reader {
 public:
  Reader(const LibertyGroup& root, const std::string& where) : root_(root), where_(where) {}

  Library read() {
    if (root_.name != "library") fail(root_.line, "isn't a library", "library(name) { ... }");
    library_.name = root_.arguments.empty() ? "" : root_.arguments[0];
    read_units();
    read_thresholds();
    for (const LibertyGroup& group : root_.groups) {
      if (group.name == "lu_table_template" && !group.arguments.empty()) {
        templates_[group.arguments[0]] = &group;
      }
    }
    for (const LibertyGroup& group : root_.groups) {
      if (group.name == "cell") library_.cells.push_back(read_cell(group));
    }
    if (library_.cells.empty()) fail(root_.line, "has no cells");
    return std::move(library_);
  }

 private:
  [[noreturn]] void fail(size_t line, const std::string& what,
                         const std::string& expected = {}) const {
    throw Error(fmt::format("{}, line {}", where_, line), what, expected);
  }

  double number(std::string_view text, size_t line) const {
    while (!text.empty() && (text.front() == ' ' || text.front() == '+')) text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || !(std::abs(value) < 1e30)) {
      fail(line, fmt::format("'{}' isn't a number", text.substr(0, 40)));
    }
    return value;
  }
  double number(const LibertyGroup& group, std::string_view name, double otherwise) const {
    const LibertyGroup::Attribute* found = group.find(name);
    if (!found) return otherwise;
    if (found->values.size() != 1) fail(found->line, fmt::format("{} isn't one value", name));
    return number(found->values[0], found->line);
  }
  Numbers numbers(const LibertyGroup::Attribute& attribute) const {
    Numbers found;
    for (const std::string& text : attribute.values) {
      size_t begin = 0;
      while (begin < text.size()) {
        const size_t end = std::min(text.find_first_of(", \t", begin), text.size());
        if (end > begin) {
          found.push_back(
              number(std::string_view(text).substr(begin, end - begin), attribute.line));
        }
        begin = end + 1;
      }
    }
    return found;
  }

  void read_units() {
    static const std::map<std::string, double> prefixes = {
        {"fs", 1e-6}, {"ps", 1e-3}, {"ns", 1}, {"us", 1e3}, {"ff", 1e-3}, {"pf", 1}, {"nf", 1e3}};
    const auto scale = [&](std::string text, double count, size_t line) {
      for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      const auto found = prefixes.find(text);
      if (found == prefixes.end() || !(count > 0)) {
        fail(line, fmt::format("has the unit {}{}", count, text), "1ns, 1ps, (1, pf), (1, ff)");
      }
      return found->second * count;
    };
    if (const LibertyGroup::Attribute* time = root_.find("time_unit")) {
      const std::string text = root_.text("time_unit");
      const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
      time_ = scale(text.substr(digits), number(text.substr(0, digits), time->line), time->line);
    }
    if (const LibertyGroup::Attribute* load = root_.find("capacitive_load_unit")) {
      if (load->values.size() != 2) fail(load->line, "isn't a unit of capacitance", "(1, pf)");
      capacitance_ = scale(load->values[1], number(load->values[0], load->line), load->line);
    }
  }

  void read_thresholds() {
    Thresholds& slews = library_.slews;
    slews.lower = number(root_, "slew_lower_threshold_pct_rise", 20) / 100;
    slews.upper = number(root_, "slew_upper_threshold_pct_rise", 80) / 100;
    slews.derate = number(root_, "slew_derate_from_library", 1);
    if (!(slews.lower > 0 && slews.lower < slews.upper && slews.upper < 1 && slews.derate > 0)) {
      fail(root_.line, fmt::format("has slew thresholds {:g} and {:g}, derate {:g}", slews.lower,
                                   slews.upper, slews.derate));
    }
  }

  LibraryCell read_cell(const LibertyGroup& group) {
    LibraryCell cell;
    if (group.arguments.size() != 1) fail(group.line, "has a cell without name");
    cell.name = group.arguments[0];
    cell.area = number(group, "area", 0);
    if (!(cell.area >= 0 && cell.area <= largest_area)) {
      fail(group.line, fmt::format("{} has an area of {}", cell.name, cell.area), "0 to a million");
    }
    for (const LibertyGroup& inner : group.groups) {
      if (inner.name == "ff" || inner.name == "ff_bank") cell.kind = CellKind::flip_flop;
      if (inner.name == "latch" || inner.name == "latch_bank" || inner.name == "statetable") {
        cell.kind = CellKind::latch;
      }
      if (inner.name == "pin") read_pin(inner, cell);
    }
    // Arcs name pins that may follow.
    for (const LibertyGroup& inner : group.groups) {
      if (inner.name != "pin") continue;
      for (const std::string& name : inner.arguments) {
        for (const LibertyGroup& timing : inner.groups) {
          if (timing.name == "timing") {
            read_arcs(timing, static_cast<size_t>(cell.find_pin(name)), cell);
          }
        }
      }
    }
    return cell;
  }

  void read_pin(const LibertyGroup& group, LibraryCell& cell) const {
    for (const std::string& name : group.arguments) {
      if (cell.find_pin(name) >= 0) {
        fail(group.line, fmt::format("{} has the pin {} twice", cell.name, name));
      }
      if (cell.pins.size() == most_pins) {
        fail(group.line, fmt::format("{} has more than {} pins", cell.name, most_pins));
      }
      LibraryPin pin;
      pin.name = name;
      const std::string direction = group.text("direction");
      pin.direction = direction == "input"    ? Direction::input
                      : direction == "output" ? Direction::output
                                              : Direction::other;
      const double capacitance = number(group, "capacitance", 0);
      const double rise = number(group, "rise_capacitance", capacitance),
                   fall = number(group, "fall_capacitance", capacitance);
      if (rise < 0 || fall < 0) {
        fail(group.line, fmt::format("{}/{} has a negative capacitance", cell.name, name));
      }
      pin.capacitance = {static_cast<float>(rise * capacitance_),
                         static_cast<float>(fall * capacitance_)};
      pin.clock = group.text("clock") == "true";
      pin.function = group.text("function");
      cell.pins.push_back(std::move(pin));
    }
  }

  void read_arcs(const LibertyGroup& group, size_t to, LibraryCell& cell) {
    const std::string type = group.text("timing_type"), sense = group.text("timing_sense");
    TimingArc arc;
    arc.to = to;
    if (type.rfind("three_state", 0) == 0) cell.three_state = true;
    if (type.empty() || type == "combinational") {
      arc.kind = ArcKind::combinational;
    } else if (type == "rising_edge" || type == "falling_edge") {
      arc.kind = ArcKind::launch;
    } else if (type == "setup_rising" || type == "setup_falling") {
      arc.kind = ArcKind::setup;
    } else if (type == "hold_rising" || type == "hold_falling") {
      arc.kind = ArcKind::hold;
    } else {
      return;
    }
    arc.clock_edge = type.find("falling") != std::string::npos ? falling : rising;
    arc.sense = sense == "positive_unate"   ? Sense::positive
                : sense == "negative_unate" ? Sense::negative
                                            : Sense::either;
    const bool constraint = arc.kind == ArcKind::setup || arc.kind == ArcKind::hold;
    for (const LibertyGroup& table : group.groups) {
      const Edge edge = table.name.find("fall") != std::string::npos ? falling : rising;
      if (constraint && (table.name == "rise_constraint" || table.name == "fall_constraint")) {
        arc.delay[edge] = read_table(table, true);
      } else if (!constraint && (table.name == "cell_rise" || table.name == "cell_fall")) {
        arc.delay[edge] = read_table(table, false);
      } else if (!constraint &&
                 (table.name == "rise_transition" || table.name == "fall_transition")) {
        arc.slew[edge] = read_table(table, false);
      }
    }
    for (const Edge edge : {rising, falling}) {
      if (constraint && arc.delay[edge].empty()) {
        fail(group.line, fmt::format("{} has a constraint for one edge only", cell.name));
      }
      if (!constraint && arc.delay[edge].empty() != arc.slew[edge].empty()) {
        fail(group.line, fmt::format("{} has a delay without a transition", cell.name));
      }
    }
    add_by_related(group, arc, cell);
  }

  void add_by_related(const LibertyGroup& group, TimingArc& arc, LibraryCell& cell) {
    const std::string related = group.text("related_pin");
    size_t begin = 0;
    while (begin < related.size()) {
      const size_t end = std::min(related.find(' ', begin), related.size());
      if (end > begin) {
        const std::string name = related.substr(begin, end - begin);
        const int from = cell.find_pin(name);
        if (from < 0) fail(group.line, fmt::format("{} has no pin {}", cell.name, name));
        arc.from = static_cast<size_t>(from);
        // Registers' clocks aren't always marked as such.
        if (arc.kind != ArcKind::combinational) cell.pins[arc.from].clock = true;
        if (++arcs_ > most_arcs) {
          fail(group.line, fmt::format("{} has one timing arc too many", cell.name),
               fmt::format("{} in the library", most_arcs));
        }
        cell.arcs.push_back(arc);
      }
      begin = end + 1;
    }
  }

  /// 0: rows (slew; the clock's), 1: columns (load; the data's slew).
  size_t role(const std::string& variable, bool constraint, size_t line) const {
    if (!constraint && (variable == "input_net_transition" || variable == "input_transition_time"))
      return 0;
    if (!constraint && variable == "total_output_net_capacitance") return 1;
    if (constraint && variable == "related_pin_transition") return 0;
    if (constraint && variable == "constrained_pin_transition") return 1;
    fail(line, fmt::format("has a table over '{}'", variable));
  }

  Table read_table(const LibertyGroup& group, bool constraint) const {
    const LibertyGroup::Attribute* values = group.find("values");
    if (!values) fail(group.line, fmt::format("{} has no values", group.name));
    const std::string name = group.arguments.empty() ? "" : group.arguments[0];
    const LibertyGroup* form = nullptr;
    if (name != "scalar") {
      const auto found = templates_.find(name);
      if (found == templates_.end()) {
        fail(group.line, fmt::format("has a table of the unknown template '{}'", name));
      }
      form = found->second;
    }
    Numbers axes[2];
    std::vector<size_t> roles;
    for (const int i : {1, 2, 3}) {
      const std::string variable = form ? form->text(fmt::format("variable_{}", i)) : "";
      if (variable.empty()) break;
      const size_t as = role(variable, constraint, group.line);
      const std::string index = fmt::format("index_{}", i);
      const LibertyGroup::Attribute* axis = group.find(index);
      if (!axis) axis = form->find(index);
      if (!axis || !axes[as].empty()) fail(group.line, fmt::format("has no {} of its own", index));
      axes[as] = checked_axis(*axis, as == 0 || constraint ? time_ : capacitance_);
      roles.push_back(as);
    }
    const size_t rows = std::max<size_t>(axes[0].size(), 1),
                 columns = std::max<size_t>(axes[1].size(), 1);
    const Numbers read = numbers(*values);
    if (read.size() != rows * columns) {
      fail(values->line, fmt::format("has {} values", read.size()),
           fmt::format("{} x {}", rows, columns));
    }
    Table table;
    table.rows.assign(axes[0].begin(), axes[0].end());
    table.columns.assign(axes[1].begin(), axes[1].end());
    const bool turned = roles.size() == 2 && roles[0] == 1;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        table.values.push_back(
            static_cast<float>(read[turned ? c * rows + r : r * columns + c] * time_));
      }
    }
    for (const std::vector<float>* axis : {&table.rows, &table.columns}) {
      for (size_t i = 1; i < axis->size(); ++i) {
        if (!((*axis)[i] > (*axis)[i - 1])) fail(group.line, "has an axis that doesn't rise");
      }
    }
    return table;
  }

  Numbers checked_axis(const LibertyGroup::Attribute& attribute, double unit) const {
    Numbers axis = numbers(attribute);
    if (axis.empty() || axis.size() > max_axis) {
      fail(attribute.line, fmt::format("has an axis of {} entries", axis.size()), "1 to 64");
    }
    for (double& value : axis) value *= unit;
    return axis;
  }

  const LibertyGroup& root_;
  const std::string& where_;
  double time_ = 1, capacitance_ = 1;  // to ns and pF
  std::map<std::string, const LibertyGroup*> templates_;
  Library library_;
  size_t arcs_ = 0;
};

}  // namespace

Library parse_liberty(const std::string& text, const std::string& where) {
  return Reader(parse_liberty_groups(text, where), where).read();
}

Library read_liberty(const std::string& path) {
  return parse_liberty(read_gzip_text(path, max_file), path);
}

}  // namespace betimes::systems::preroutgnn
