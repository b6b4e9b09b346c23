#include "systems/hardware/preroutgnn/graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

using Pin = TimingGraph::Pin;

/// What is known of a net while pins are collected.
struct NetPins {
  int32_t driver = -1;
  std::vector<int32_t> sinks;
};

class Builder {
 public:
  Builder(const Netlist& netlist, const Library& library)
      : netlist_(netlist), library_(library), clock_(netlist.nets.size()) {}

  TimingGraph build() {
    find_clock();
    collect_pins();
    drop_idle_drivers();
    connect_cells();
    set_levels();
    sort_pins();
    if (graph_.endpoints.empty()) throw Error(netlist_.name, "has no endpoint of a path");
    return std::move(graph_);
  }

 private:
  const LibraryCell& cell(const Netlist::Instance& instance) const {
    return library_.cells[static_cast<size_t>(instance.cell)];
  }

  /// Nets of registers' clock pins.
  void find_clock() {
    for (const Netlist::Instance& instance : netlist_.instances) {
      const LibraryCell& type = cell(instance);
      if (type.kind == CellKind::latch || type.three_state) {
        throw Error(instance.name,
                    fmt::format("is a {}, {}", type.name,
                                type.kind == CellKind::latch ? "a latch" : "a three-state cell"),
                    "gates and flip-flops");
      }
      if (type.kind != CellKind::flip_flop) continue;
      for (size_t i = 0; i < type.pins.size(); ++i) {
        if (!type.pins[i].clock) continue;
        const int32_t net = instance.nets[i];
        if (net < 0) {
          throw Error(fmt::format("{}/{}", instance.name, type.pins[i].name),
                      "a register's clock isn't connected");
        }
        clock_[static_cast<size_t>(net)] = true;
        if (graph_.clock_net >= 0 && graph_.clock_net != net) {
          throw Error(netlist_.nets[static_cast<size_t>(net)],
                      fmt::format("is a second clock beside {}",
                                  netlist_.nets[static_cast<size_t>(graph_.clock_net)]),
                      "one, straight from a port");
        }
        graph_.clock_net = net;
      }
    }
    if (graph_.clock_net < 0) return;
    for (const Netlist::Port& port : netlist_.ports) {
      if (port.input && port.net == graph_.clock_net) return;
    }
    throw Error(netlist_.nets[static_cast<size_t>(graph_.clock_net)],
                "clocks registers but isn't an input port");
  }

  void add(Pin pin) {
    if (pin.net < 0 || clock_[static_cast<size_t>(pin.net)]) return;
    NetPins& net = nets_[static_cast<size_t>(pin.net)];
    const auto index = static_cast<int32_t>(graph_.pins.size());
    if (pin.driver) {
      if (net.driver >= 0) {
        throw Error(netlist_.nets[static_cast<size_t>(pin.net)],
                    fmt::format("is driven by {} and by {}",
                                graph_.pins[static_cast<size_t>(net.driver)].name, pin.name));
      }
      net.driver = index;
    } else {
      net.sinks.push_back(index);
    }
    graph_.pins.push_back(std::move(pin));
  }

  void collect_pins() {
    nets_.resize(netlist_.nets.size());
    for (size_t i = 0; i < netlist_.ports.size(); ++i) {
      const Netlist::Port& port = netlist_.ports[i];
      add({port.name, -1, static_cast<int32_t>(i), port.net, port.input, 0});
    }
    for (size_t i = 0; i < netlist_.instances.size(); ++i) {
      const Netlist::Instance& instance = netlist_.instances[i];
      const LibraryCell& type = cell(instance);
      for (size_t p = 0; p < type.pins.size(); ++p) {
        const LibraryPin& pin = type.pins[p];
        if (pin.direction == Direction::other) continue;
        if (pin.direction == Direction::input && instance.nets[p] == Netlist::open) {
          throw Error(fmt::format("{}/{}", instance.name, pin.name), "isn't connected");
        }
        add({fmt::format("{}/{}", instance.name, pin.name), static_cast<int32_t>(i),
             static_cast<int32_t>(p), instance.nets[p], pin.direction == Direction::output, 0});
      }
    }
    for (size_t i = 0; i < nets_.size(); ++i) {
      if (nets_[i].driver < 0 && !nets_[i].sinks.empty()) {
        throw Error(graph_.pins[static_cast<size_t>(nets_[i].sinks[0])].name,
                    fmt::format("has no driver: nothing drives net {}", netlist_.nets[i]));
      }
    }
  }

  void drop_idle_drivers() {
    std::vector<int32_t> moved(graph_.pins.size(), -1);
    std::vector<Pin> kept;
    for (size_t i = 0; i < graph_.pins.size(); ++i) {
      Pin& pin = graph_.pins[i];
      if (pin.driver && nets_[static_cast<size_t>(pin.net)].sinks.empty()) continue;
      moved[i] = static_cast<int32_t>(kept.size());
      kept.push_back(std::move(pin));
    }
    graph_.pins = std::move(kept);
    for (size_t i = 0; i < nets_.size(); ++i) {
      if (nets_[i].sinks.empty()) continue;
      TimingGraph::Net net{
          static_cast<int32_t>(i), moved[static_cast<size_t>(nets_[i].driver)], {}};
      for (const int32_t sink : nets_[i].sinks) {
        net.sinks.push_back(moved[static_cast<size_t>(sink)]);
      }
      graph_.nets.push_back(std::move(net));
    }
  }

  /// Edges through cells, launches and endpoints.
  void connect_cells() {
    std::vector<std::vector<int32_t>> by_instance(netlist_.instances.size());
    for (size_t i = 0; i < graph_.pins.size(); ++i) {
      const Pin& pin = graph_.pins[i];
      if (pin.instance < 0) {
        if (pin.driver) {
          graph_.inputs.push_back(static_cast<int32_t>(i));
        } else {
          graph_.endpoints.push_back({static_cast<int32_t>(i), nullptr, nullptr});
        }
        continue;
      }
      std::vector<int32_t>& pins = by_instance[static_cast<size_t>(pin.instance)];
      pins.resize(cell(netlist_.instances[static_cast<size_t>(pin.instance)]).pins.size(), -1);
      pins[static_cast<size_t>(pin.index)] = static_cast<int32_t>(i);
    }
    for (size_t i = 0; i < by_instance.size(); ++i) {
      if (!by_instance[i].empty()) connect(netlist_.instances[i], by_instance[i]);
    }
  }

  void connect(const Netlist::Instance& instance, const std::vector<int32_t>& pins) {
    const LibraryCell& type = cell(instance);
    const size_t first = graph_.cells.size(), first_launch = graph_.launches.size(),
                 first_end = graph_.endpoints.size();
    for (const TimingArc& arc : type.arcs) {
      const int32_t from = pins[arc.from], to = pins[arc.to];
      if (to < 0) continue;
      if (arc.kind != ArcKind::combinational && arc.clock_edge == falling) {
        throw Error(instance.name, fmt::format("is a {}, clocked by the falling edge", type.name),
                    "registers on the rising edge");
      }
      if (arc.kind == ArcKind::combinational && from >= 0) {
        auto edge = std::find_if(graph_.cells.begin() + static_cast<std::ptrdiff_t>(first),
                                 graph_.cells.end(), [&](const TimingGraph::CellEdge& other) {
                                   return other.input == from && other.output == to;
                                 });
        if (edge == graph_.cells.end()) {
          graph_.cells.push_back({from, to, {}});
          edge = graph_.cells.end() - 1;
        }
        edge->arcs.push_back(&arc);
      } else if (arc.kind == ArcKind::launch) {
        const auto known =
            std::find_if(graph_.launches.begin() + static_cast<std::ptrdiff_t>(first_launch),
                         graph_.launches.end(),
                         [&](const TimingGraph::Launch& other) { return other.pin == to; });
        if (known == graph_.launches.end()) graph_.launches.push_back({to, &arc});
      } else if (arc.kind == ArcKind::setup || arc.kind == ArcKind::hold) {
        auto end = std::find_if(graph_.endpoints.begin() + static_cast<std::ptrdiff_t>(first_end),
                                graph_.endpoints.end(), [&](const TimingGraph::Endpoint& other) {
                                  return other.pin == to;
                                });
        if (end == graph_.endpoints.end()) {
          graph_.endpoints.push_back({to, nullptr, nullptr});
          end = graph_.endpoints.end() - 1;
        }
        (arc.kind == ArcKind::setup ? end->setup : end->hold) = &arc;
      }
    }
    for (size_t i = first_end; i < graph_.endpoints.size(); ++i) {
      const TimingGraph::Endpoint& end = graph_.endpoints[i];
      if (!end.setup || !end.hold) {
        throw Error(graph_.pins[static_cast<size_t>(end.pin)].name,
                    "has only one of setup and hold in the library");
      }
    }
    const auto is_start = [&](int32_t pin) {
      return std::any_of(graph_.launches.begin() + static_cast<std::ptrdiff_t>(first_launch),
                         graph_.launches.end(),
                         [&](const TimingGraph::Launch& launch) { return launch.pin == pin; });
    };
    for (size_t p = 0; p < pins.size(); ++p) {
      const int32_t pin = pins[p];
      if (pin < 0 || type.pins[p].direction != Direction::output || is_start(pin)) continue;
      const bool reached =
          std::any_of(graph_.cells.begin() + static_cast<std::ptrdiff_t>(first), graph_.cells.end(),
                      [&](const TimingGraph::CellEdge& edge) { return edge.output == pin; });
      if (!reached) {
        throw Error(graph_.pins[static_cast<size_t>(pin)].name,
                    "has no timing arc from a signal: all inputs are constant");
      }
    }
  }

  void set_levels() {
    const size_t count = graph_.pins.size();
    std::vector<std::vector<int32_t>> next(count);
    std::vector<int32_t> waiting(count, 0);
    const auto lead = [&](int32_t from, int32_t to) {
      next[static_cast<size_t>(from)].push_back(to);
      ++waiting[static_cast<size_t>(to)];
    };
    for (const TimingGraph::Net& net : graph_.nets) {
      for (const int32_t sink : net.sinks) lead(net.driver, sink);
    }
    for (const TimingGraph::CellEdge& edge : graph_.cells) lead(edge.input, edge.output);
    std::vector<int32_t> ready;
    for (size_t i = 0; i < count; ++i) {
      if (waiting[i] == 0) ready.push_back(static_cast<int32_t>(i));
    }
    for (size_t i = 0; i < ready.size(); ++i) {
      const Pin& pin = graph_.pins[static_cast<size_t>(ready[i])];
      for (const int32_t to : next[static_cast<size_t>(ready[i])]) {
        Pin& other = graph_.pins[static_cast<size_t>(to)];
        other.level = std::max(other.level, pin.level + 1);
        if (--waiting[static_cast<size_t>(to)] == 0) ready.push_back(to);
      }
    }
    if (ready.size() == count) return;
    // Walking back over pins that wait ends in the loop itself.
    std::vector<int32_t> before(count, -1);
    for (size_t i = 0; i < count; ++i) {
      if (waiting[i] == 0) continue;
      for (const int32_t to : next[i]) before[static_cast<size_t>(to)] = static_cast<int32_t>(i);
    }
    size_t at = 0;
    while (waiting[at] == 0) ++at;
    for (size_t step = 0; step < count; ++step) at = static_cast<size_t>(before[at]);
    throw Error(graph_.pins[at].name, "is in a combinational loop");
  }

  void sort_pins() {
    const size_t count = graph_.pins.size();
    std::vector<int32_t> order(count), place(count);
    for (size_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return graph_.pins[static_cast<size_t>(a)].level < graph_.pins[static_cast<size_t>(b)].level;
    });
    std::vector<Pin> pins;
    for (size_t i = 0; i < count; ++i) {
      place[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
      pins.push_back(std::move(graph_.pins[static_cast<size_t>(order[i])]));
    }
    graph_.pins = std::move(pins);
    const auto moved = [&](int32_t& pin) { pin = place[static_cast<size_t>(pin)]; };
    for (TimingGraph::Net& net : graph_.nets) {
      moved(net.driver);
      for (int32_t& sink : net.sinks) moved(sink);
    }
    for (TimingGraph::CellEdge& edge : graph_.cells) {
      moved(edge.input);
      moved(edge.output);
    }
    for (int32_t& pin : graph_.inputs) moved(pin);
    for (TimingGraph::Launch& launch : graph_.launches) moved(launch.pin);
    for (TimingGraph::Endpoint& end : graph_.endpoints) moved(end.pin);
    std::stable_sort(graph_.cells.begin(), graph_.cells.end(),
                     [](const TimingGraph::CellEdge& a, const TimingGraph::CellEdge& b) {
                       return a.output < b.output;
                     });
    std::stable_sort(
        graph_.nets.begin(), graph_.nets.end(),
        [](const TimingGraph::Net& a, const TimingGraph::Net& b) { return a.driver < b.driver; });
    for (const Pin& pin : graph_.pins) graph_.levels = std::max(graph_.levels, pin.level + 1);
  }

  const Netlist& netlist_;
  const Library& library_;
  std::vector<bool> clock_;  // by net
  std::vector<NetPins> nets_;
  TimingGraph graph_;
};

}  // namespace

TimingGraph make_graph(const Netlist& netlist, const Library& library) {
  return Builder(netlist, library).build();
}

}  // namespace betimes::systems::preroutgnn
