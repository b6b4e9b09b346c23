#include "systems/hardware/preroutgnn/circuits.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/label.h"
#include "systems/hardware/preroutgnn/liberty.h"
#include "systems/hardware/preroutgnn/synthesise.h"

namespace betimes::systems::preroutgnn {
namespace {

class Checker {
 public:
  Checker(const Circuit& circuit, size_t arcs, const std::string& where)
      : circuit_(circuit), arcs_(arcs), where_(where), pins_(circuit.pins()) {}

  void run() {
    check_sizes();
    check_numbers();
    check_edges();
    check_endpoints();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(where_, what); }
  [[noreturn]] void fail(int32_t pin, const std::string& what) const {
    fail(fmt::format("pin {} {}", circuit_.pin_names[static_cast<size_t>(pin)], what));
  }

  void check_sizes() const {
    if (pins_ == 0) fail("has no pins");
    if (circuit_.pin_names.size() != pins_ || circuit_.features.size() != pins_ ||
        circuit_.arrival.size() != pins_ || circuit_.slew.size() != pins_ ||
        circuit_.straight_arrival.size() != pins_ || circuit_.straight_slew.size() != pins_ ||
        circuit_.tree_arrival.size() != pins_ || circuit_.tree_slew.size() != pins_) {
      fail("has columns of different lengths");
    }
    if (circuit_.levels <= 0 || circuit_.levels % 2 != 0) {
      fail(fmt::format("has {} levels: not an even number", circuit_.levels));
    }
    int32_t before = 0;
    for (size_t i = 0; i < pins_; ++i) {
      const int32_t level = circuit_.level[i];
      if (level < before || level >= circuit_.levels) {
        fail(static_cast<int32_t>(i), fmt::format("has the level {} after {}", level, before));
      }
      before = level;
    }
    // No level without pins behind the last: what follows allocates by their number.
    if (circuit_.levels > before + 2) {
      fail(fmt::format("has {} levels, its last pin is of level {}", circuit_.levels, before));
    }
  }

  template <class Rows>
  void check_finite(const Rows& rows, const char* what) const {
    for (size_t i = 0; i < rows.size(); ++i) {
      for (const float value : rows[i]) {
        if (!std::isfinite(value)) fail(fmt::format("{} of row {} isn't a number", what, i));
      }
    }
  }
  void check_finite(const Times& times, const char* what) const {
    check_finite(std::array<Times, 1>{times}, what);
  }

  void check_numbers() const {
    check_finite(circuit_.features, "a feature");
    check_finite(circuit_.arrival, "the arrival");
    check_finite(circuit_.slew, "the slew");
    check_finite(circuit_.straight_arrival, "the straight arrival");
    check_finite(circuit_.straight_slew, "the straight slew");
    check_finite(circuit_.tree_arrival, "the trees' arrival");
    check_finite(circuit_.tree_slew, "the trees' slew");
    for (const NetEdge& edge : circuit_.nets) {
      check_finite(edge.delay, "a net's delay");
      if (!std::isfinite(edge.dx) || !std::isfinite(edge.dy))
        fail("a net's dx or dy isn't a number");
    }
    for (const CellEdge& edge : circuit_.arcs) check_finite(edge.delay, "a cell's delay");
    for (const Circuit::Endpoint& end : circuit_.endpoints) {
      check_finite(end.required, "a required time");
    }
  }

  void check_pin(int32_t pin) const {
    if (pin < 0 || static_cast<size_t>(pin) >= pins_) fail(fmt::format("names pin {}", pin));
  }
  int32_t level(int32_t pin) const { return circuit_.level[static_cast<size_t>(pin)]; }

  void check_edges() const {
    std::vector<bool> driven(pins_, false), reached(pins_, false);
    for (const NetEdge& edge : circuit_.nets) {
      check_pin(edge.driver);
      check_pin(edge.sink);
      if (level(edge.driver) % 2 != 0 || level(edge.sink) != level(edge.driver) + 1) {
        fail(edge.sink, "doesn't stand one level above a driver on an even one");
      }
      if (driven[static_cast<size_t>(edge.sink)]) fail(edge.sink, "has two drivers");
      driven[static_cast<size_t>(edge.sink)] = true;
    }
    for (const CellEdge& edge : circuit_.arcs) {
      check_pin(edge.input);
      check_pin(edge.output);
      if (level(edge.input) % 2 != 1 || level(edge.output) % 2 != 0 ||
          level(edge.output) <= level(edge.input)) {
        fail(edge.output, "doesn't stand on an even level above an odd one");
      }
      if (edge.arc < 0 || static_cast<size_t>(edge.arc) >= arcs_) {
        fail(edge.output, fmt::format("has the arc {} of {}", edge.arc, arcs_));
      }
      reached[static_cast<size_t>(edge.output)] = true;
    }
    for (size_t i = 0; i < pins_; ++i) {
      const auto pin = static_cast<int32_t>(i);
      if (level(pin) % 2 == 1 && !driven[i]) fail(pin, "has no driver");
      if (level(pin) % 2 == 0 && level(pin) > 0 && !reached[i]) fail(pin, "has no edge to it");
    }
  }

  void check_endpoints() const {
    if (circuit_.endpoints.empty()) fail("has no endpoints");
    for (const Circuit::Endpoint& end : circuit_.endpoints) {
      check_pin(end.pin);
      if (level(end.pin) % 2 == 0) fail(end.pin, "is an endpoint but no sink");
    }
  }

  const Circuit& circuit_;
  size_t arcs_;
  const std::string& where_;
  size_t pins_;
};

}  // namespace

std::string data_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "preroutgnn" / "circuits.safetensors").string();
}

bool data_present(const std::string& folder) {
  return !folder.empty() && std::filesystem::exists(data_file(folder));
}

CircuitSet make_circuits(const MakeOptions& options) {
  using Clock = std::chrono::steady_clock;
  const Toolchain tools = find_toolchain();
  const Library library = read_liberty(tools.liberty);
  const std::vector<Design> designs = all_designs(options.quick, options.scale);
  CircuitSet set;
  set.technology = library.name;
  LabelOptions label;
  ArcSet arcs(label.timing.early_derate);
  int64_t done = 0;
  for (const Design& design : designs) {
    const Netlist netlist = parse_netlist(synthesise(tools, design.verilog, design.module()),
                                          library, fmt::format("netlist of {}", design.name));
    const auto begun = Clock::now();
    const Placement placement = place(netlist, library);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    label.seed = options.seed * 1'000'003 + static_cast<uint64_t>(done);
    Circuit circuit = make_circuit(netlist, library, placement, label, arcs);
    circuit.name = design.name;
    circuit.place_seconds = seconds;
    (design.test ? set.test : set.training).push_back(std::move(circuit));
    ++done;
    if (options.progress) {
      options.progress(design.name, done, static_cast<int64_t>(designs.size()));
    }
  }
  set.arcs = arcs.arcs();
  return set;
}

void check_circuit(const Circuit& circuit, size_t arcs, const std::string& where) {
  Checker(circuit, arcs, where).run();
}

}  // namespace betimes::systems::preroutgnn
