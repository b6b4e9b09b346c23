#pragma once

#include <fmt/format.h>

#include <map>
#include <string>

#include "systems/hardware/preroutgnn/label.h"

namespace betimes::systems::preroutgnn {

/// What OpenSTA reads to analyse a labelled design over the same wires with its simple_rc
/// calculator. What output ports drive stands in the SPEF, at the port: a net with set_load on it
/// would lose its wires' capacitance (as of 2.0.17).
class OpenStaFiles {
 public:
  OpenStaFiles(const Labelled& made, const Netlist& netlist, const Library& library,
               const LabelOptions& options)
      : made_(made), netlist_(netlist), library_(library), options_(options) {
    // Ports name their nets: two of one net, or constants, would need more than names.
    for (size_t i = 0; i < netlist.nets.size(); ++i) names_.push_back(fmt::format("n{}", i));
    for (size_t i = 0; i < netlist.ports.size(); ++i) {
      const int32_t net = netlist.ports[i].net;
      if (net >= 0) names_[static_cast<size_t>(net)] = fmt::format("p{}", i);
    }
  }

  std::string pin_name(int32_t pin, char separator) const {
    const TimingGraph::Pin& found = made_.graph.pins[static_cast<size_t>(pin)];
    if (found.instance < 0) return fmt::format("p{}", found.index);
    return fmt::format("i{}{}{}", found.instance, separator,
                       cell(found.instance).pins[static_cast<size_t>(found.index)].name);
  }

  std::string verilog() const {
    std::string ports, text;
    for (size_t i = 0; i < netlist_.ports.size(); ++i) {
      ports += fmt::format("{}p{}", i == 0 ? "" : ", ", i);
      text += fmt::format("  {} p{};\n", netlist_.ports[i].input ? "input" : "output", i);
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i][0] == 'n') text += fmt::format("  wire {};\n", names_[i]);
    }
    for (size_t i = 0; i < netlist_.instances.size(); ++i) {
      const Netlist::Instance& one = netlist_.instances[i];
      std::string pins;
      for (size_t p = 0; p < one.nets.size(); ++p) {
        if (one.nets[p] < 0) continue;
        pins += fmt::format("{}.{}({})", pins.empty() ? "" : ", ",
                            cell(static_cast<int32_t>(i)).pins[p].name,
                            names_[static_cast<size_t>(one.nets[p])]);
      }
      text += fmt::format("  {} i{} ({});\n", cell(static_cast<int32_t>(i)).name, i, pins);
    }
    return fmt::format("module top({});\n{}endmodule\n", ports, text);
  }

  std::string spef() const {
    std::string text =
        "*SPEF \"IEEE 1481-1998\"\n*DESIGN \"top\"\n*DATE \"-\"\n*VENDOR \"-\"\n*PROGRAM \"-\"\n"
        "*VERSION \"-\"\n*DESIGN_FLOW \"-\"\n*DIVIDER /\n*DELIMITER :\n*BUS_DELIMITER []\n"
        "*T_UNIT 1 NS\n*C_UNIT 1 PF\n*R_UNIT 1 KOHM\n*L_UNIT 1 HENRY\n\n";
    for (size_t n = 0; n < made_.graph.nets.size(); ++n) text += spef_net(n);
    return text;
  }

  /// Prints, per endpoint, "@ <number>", its arrivals, and its slacks.
  std::string script(const std::string& library, const std::string& folder) const {
    std::string inputs, text;
    for (const int32_t input : made_.graph.inputs) inputs += pin_name(input, '/') + " ";
    for (size_t i = 0; i < netlist_.ports.size(); ++i) {
      if (netlist_.ports[i].net != made_.graph.clock_net) continue;
      text = fmt::format("create_clock -name c -period {:.9g} [get_ports p{}]\n", made_.period, i);
    }
    text = fmt::format(
        "read_liberty {0}\nread_verilog {1}/top.v\nlink_design top\n"
        "set_operating_conditions -analysis_type on_chip_variation\n{2}"
        "set_clock_transition {3} [get_clocks c]\nset inputs [get_ports {{{4}}}]\n"
        "set_input_delay 0 -clock c $inputs\nset_output_delay 0 -clock c [all_outputs]\n"
        "set_input_transition {5} $inputs\n"
        "set_timing_derate -early {6}\nread_spef {1}/top.spef\nset_delay_calculator simple_rc\n"
        "set sta_report_default_digits 6\n",
        library, folder, text, options_.timing.clock_slew, inputs, options_.timing.input_slew,
        options_.timing.early_derate);
    for (size_t i = 0; i < made_.graph.endpoints.size(); ++i) {
      const std::string name = pin_name(made_.graph.endpoints[i].pin, '/');
      text += fmt::format("puts {{@ {0}}}\nreport_arrival {1}\nreport_slack {1}\n", i, name);
    }
    return text;
  }

 private:
  const LibraryCell& cell(int32_t instance) const {
    return library_
        .cells[static_cast<size_t>(netlist_.instances[static_cast<size_t>(instance)].cell)];
  }
  const std::string& net_name(size_t n) const {
    return names_[static_cast<size_t>(made_.graph.nets[n].net)];
  }
  double length(size_t n, size_t node) const {
    const RouteTree& tree = made_.routes[n].tree;
    return made_.routes[n].detour *
           manhattan(tree.nodes[node], tree.nodes[static_cast<size_t>(tree.parent[node])]);
  }
  std::string spef_net(size_t n) const {
    const TimingGraph::Net& net = made_.graph.nets[n];
    const RouteTree& tree = made_.routes[n].tree;
    const auto pin = [&](size_t node) { return node == 0 ? net.driver : net.sinks[node - 1]; };
    const auto node_name = [&](size_t node) {
      return node <= net.sinks.size() ? pin_name(pin(node), ':')
                                      : fmt::format("{}:{}", net_name(n), node);
    };
    std::string ends, resistors;
    std::vector<double> capacitance(tree.nodes.size(), 0);
    for (size_t i = 1; i < tree.nodes.size(); ++i) {
      const auto up = static_cast<size_t>(tree.parent[i]);
      const double half = options_.wires.capacitance * length(n, i) / 2;
      capacitance[i] += half;
      capacitance[up] += half;
      resistors += fmt::format("{} {} {} {:.9g}\n", i, node_name(up), node_name(i),
                               options_.wires.resistance * length(n, i) + 1e-9);
    }
    double total = 0;
    for (size_t i = 0; i <= net.sinks.size(); ++i) {
      const bool port = made_.graph.pins[static_cast<size_t>(pin(i))].instance < 0;
      if (port && i > 0) capacitance[i] += options_.wires.port_load;
      ends +=
          fmt::format("*{} {} {}\n", port ? 'P' : 'I', node_name(i), (i == 0) == port ? 'I' : 'O');
    }
    for (const double one : capacitance) total += one;
    std::string text = fmt::format("*D_NET {} {:.9g}\n*CONN\n{}*CAP\n", net_name(n), total, ends);
    for (size_t i = 0; i < capacitance.size(); ++i) {
      text += fmt::format("{} {} {:.9g}\n", i + 1, node_name(i), capacitance[i]);
    }
    return text + "*RES\n" + resistors + "*END\n\n";
  }

  const Labelled& made_;
  const Netlist& netlist_;
  const Library& library_;
  const LabelOptions& options_;
  std::vector<std::string> names_;  // by net
};

}  // namespace betimes::systems::preroutgnn
