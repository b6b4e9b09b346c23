#include "systems/hardware/preroutgnn/stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/label.h"

namespace betimes::systems::preroutgnn {
namespace {

const std::vector<float> slew_axis = {0.05f, 0.15f, 0.4f, 0.8f, 1.6f};
const std::vector<float> load_axis = {0.005f, 0.02f, 0.06f, 0.15f, 0.4f};

/// ns from ns and pF.
Table table(double base, double by_slew, double by_load) {
  Table found{slew_axis, load_axis, {}};
  for (const float slew : slew_axis) {
    for (const float load : load_axis) {
      const double product = static_cast<double>(slew) * static_cast<double>(load);
      found.values.push_back(
          static_cast<float>(base + by_slew * slew + by_load * load + 0.05 * std::sqrt(product)));
    }
  }
  return found;
}

Table flat(double value) { return {{}, {}, {static_cast<float>(value)}}; }

/// `strength` divides what a load costs; a falling output is a fifth faster.
TimingArc gate_arc(size_t from, size_t to, Sense sense, double base, double strength) {
  TimingArc arc{from, to, ArcKind::combinational, sense, rising, {}, {}};
  arc.delay = {table(base, 0.12, 2.0 / strength), table(base * 0.8, 0.15, 1.6 / strength)};
  arc.slew = {table(base * 0.6, 0.08, 2.6 / strength), table(base * 0.5, 0.1, 2.0 / strength)};
  return arc;
}

LibraryPin pin(const char* name, Direction direction, double capacitance) {
  const auto value = static_cast<float>(capacitance);
  return {name, direction, {value, value * 0.98f}, false, {}};
}

LibraryCell gate(const char* name, size_t inputs, Sense sense, double base, double strength) {
  static const char* const names[] = {"A", "B", "C"};
  LibraryCell cell;
  cell.name = name;
  cell.width = 1.6 + 0.8 * static_cast<double>(inputs) * strength;
  cell.area = cell.width * 10;
  for (size_t i = 0; i < inputs; ++i) {
    cell.pins.push_back(pin(names[i], Direction::input, 0.008 * strength));
    cell.arcs.push_back(
        gate_arc(i, inputs, sense, base * (1 + 0.15 * static_cast<double>(i)), strength));
  }
  cell.pins.push_back(pin("Y", Direction::output, 0));
  return cell;
}

LibraryCell flip_flop() {
  LibraryCell cell;
  cell.name = "DFF";
  cell.width = 9.6;
  cell.area = 96;
  cell.kind = CellKind::flip_flop;
  cell.pins = {pin("D", Direction::input, 0.009), pin("CLK", Direction::input, 0.02),
               pin("Q", Direction::output, 0)};
  cell.pins[1].clock = true;
  cell.arcs.push_back(gate_arc(1, 2, Sense::either, 0.15, 1));
  cell.arcs.back().kind = ArcKind::launch;
  cell.arcs.push_back({1, 0, ArcKind::setup, Sense::either, rising, {flat(0.12), flat(0.16)}, {}});
  cell.arcs.push_back({1, 0, ArcKind::hold, Sense::either, rising, {flat(0.01), flat(0.02)}, {}});
  return cell;
}

Library made_library() {
  Library library;
  library.name = "stand-in";
  library.cells = {gate("INV", 1, Sense::negative, 0.03, 1),
                   gate("INV4", 1, Sense::negative, 0.035, 4),
                   gate("BUF2", 1, Sense::positive, 0.07, 2),
                   gate("NAND2", 2, Sense::negative, 0.04, 1),
                   gate("NOR2", 2, Sense::negative, 0.05, 0.8),
                   gate("AND2", 2, Sense::positive, 0.08, 1.5),
                   gate("XOR2", 2, Sense::either, 0.11, 1),
                   gate("MAJ3", 3, Sense::positive, 0.12, 1.2),
                   flip_flop()};
  return library;
}

class Maker {
 public:
  Maker(uint64_t seed, int64_t pins) : random_(seed), target_(pins) {
    made_.netlist.name = fmt::format("stand-in-{}", seed);
    const double side = std::sqrt(static_cast<double>(pins) * 14) + 20;
    made_.placement.width = made_.placement.height = side;
  }

  StandIn make() {
    port("clk", true, 0);
    const auto sources = static_cast<size_t>(std::max<int64_t>(4, target_ / 30));
    for (size_t i = 0; i < sources; ++i) port(fmt::format("in[{}]", i), true, i);
    const size_t registers = sources;
    for (size_t i = 0; i < registers; ++i) add_register(i);
    // How far back a gate looks decides the depth: between a chain and a wide cloud.
    reach_ = sources + random_.below(2 * sources);
    while (pins_ + static_cast<int64_t>(registers) < target_) add_gate();
    for (size_t i = 0; i < registers; ++i) {
      const size_t from = pick();
      made_.netlist.instances[i].nets[0] = static_cast<int32_t>(from);
      use(from);
    }
    for (size_t net = 1; net < used_.size(); ++net) {
      if (used_[net] == 0) port(fmt::format("out[{}]", net), false, net);
    }
    return std::move(made_);
  }

 private:
  int32_t net(const std::string& name, const Point& at) {
    made_.netlist.nets.push_back(name);
    at_.push_back(at);
    used_.push_back(0);
    return static_cast<int32_t>(at_.size() - 1);
  }
  void use(size_t net) {
    ++used_[net];
    ++pins_;
  }
  /// On the border. An output's `of` is its net.
  int32_t port(const std::string& name, bool input, size_t of) {
    const double width = made_.placement.width, along = random_.uniform(0, width);
    const Point sides[] = {{0, along}, {width, along}, {along, 0}, {along, width}};
    const Point at = sides[random_.below(4)];
    const int32_t index = input ? net(name, at) : static_cast<int32_t>(of);
    made_.netlist.ports.push_back({name, input, index});
    made_.placement.ports.push_back(at);
    ++pins_;
    return index;
  }
  Point inside(double x, double y) const {
    const double side = made_.placement.width;
    return {std::clamp(x, 1.0, side - 1), std::clamp(y, 1.0, side - 1)};
  }
  void add_register(size_t index) {
    const Point at = inside(random_.uniform(0, made_.placement.width),
                            random_.uniform(0, made_.placement.width));
    const int32_t out = net(fmt::format("q{}", index), at);
    made_.netlist.instances.push_back(
        {fmt::format("r{}", index), stand_in_library().find("DFF"), {Netlist::open, 0, out}});
    made_.placement.instances.push_back(at);
    pins_ += 1;
  }
  /// A net to read: mostly one of the youngest, now and then any, seldom one used often.
  size_t pick() {
    for (int tries = 0;; ++tries) {
      const size_t count = at_.size() - 1;  // net 0 is the clock
      const size_t back = random_.below(8) == 0 ? count : std::min<size_t>(count, reach_);
      const size_t found = at_.size() - 1 - random_.below(back);
      if (used_[found] < 6 || tries > 20) return found;
    }
  }
  void add_gate() {
    const Library& library = stand_in_library();
    const auto type = static_cast<size_t>(random_.below(library.cells.size() - 1));
    const LibraryCell& cell = library.cells[type];
    Netlist::Instance instance{
        fmt::format("g{}", made_.netlist.instances.size()), static_cast<int32_t>(type), {}};
    Point middle;
    const size_t inputs = cell.pins.size() - 1;
    for (size_t i = 0; i < inputs; ++i) {
      const size_t from = pick();
      use(from);
      instance.nets.push_back(static_cast<int32_t>(from));
      middle.x += at_[from].x / static_cast<double>(inputs);
      middle.y += at_[from].y / static_cast<double>(inputs);
    }
    const double spread = made_.placement.width / 8;
    const Point at =
        inside(middle.x + spread * random_.normal(), middle.y + spread * random_.normal());
    instance.nets.push_back(net(fmt::format("n{}", at_.size()), at));
    made_.netlist.instances.push_back(std::move(instance));
    made_.placement.instances.push_back(at);
    ++pins_;
  }

  Random random_;
  int64_t target_;
  int64_t pins_ = 0;
  uint64_t reach_ = 8;
  std::vector<Point> at_;      // by net, of its driver
  std::vector<int32_t> used_;  // by net: sinks
  StandIn made_;
};

}  // namespace

const Library& stand_in_library() {
  static const Library library = made_library();
  return library;
}

StandIn stand_in_design(uint64_t seed, int64_t pins) {
  if (pins < 60) throw Error("pins", fmt::format("are {}", pins), "60 at least");
  return Maker(seed, pins).make();
}

CircuitSet stand_in_circuits(uint64_t seed, int64_t designs, int64_t pins) {
  if (designs < 2) throw Error("designs", fmt::format("are {}", designs), "2 at least");
  CircuitSet found;
  found.technology = stand_in_library().name;
  LabelOptions options;
  ArcSet arcs(options.timing.early_derate);
  for (int64_t i = 0; i < designs; ++i) {
    options.seed = seed * 1'000'003 + static_cast<uint64_t>(i);
    const StandIn design = stand_in_design(options.seed, pins);
    const bool train = i < std::max<int64_t>(1, designs * 2 / 3);
    (train ? found.training : found.test)
        .push_back(
            make_circuit(design.netlist, stand_in_library(), design.placement, options, arcs));
  }
  found.arcs = arcs.arcs();
  return found;
}

}  // namespace betimes::systems::preroutgnn
