#include "systems/hardware/preroutgnn/timing.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace betimes::systems::preroutgnn {
namespace {

constexpr float never = std::numeric_limits<float>::quiet_NaN();
constexpr Corner corners[2][edge_count] = {{early_rise, early_fall}, {late_rise, late_fall}};

/// The later (or earlier) of what is known and a new time.
void merge(float& known, double time, bool late) {
  const auto value = static_cast<float>(time);
  if (std::isnan(known) || (late ? value > known : value < known)) known = value;
}

/// Edges of the input that give this one of the output.
bool leads(Sense sense, Edge input, Edge output) {
  return sense == Sense::either || (sense == Sense::positive) == (input == output);
}

class Analysis {
 public:
  Analysis(const TimingGraph& graph, const Library& library, const std::vector<Wire>& wires,
           const TimingOptions& options)
      : graph_(graph), library_(library), wires_(wires), options_(options) {
    const Times nothing = {never, never, never, never};
    found_.arrival.assign(graph.pins.size(), nothing);
    found_.slew.assign(graph.pins.size(), nothing);
    found_.cell_delay.assign(graph.cells.size(), nothing);
    net_of_driver_.assign(graph.pins.size(), 0);
    first_edge_.assign(graph.nets.size(), 0);
    size_t edges = 0;
    for (size_t n = 0; n < graph.nets.size(); ++n) {
      net_of_driver_[static_cast<size_t>(graph.nets[n].driver)] = n;
      first_edge_[n] = edges;
      edges += graph.nets[n].sinks.size();
    }
    found_.net_delay.assign(edges, nothing);
  }

  Timing run() {
    start();
    // Pins and edges through cells are in the order of levels, so that a pin is done before it
    // is read.
    size_t edge = 0;
    for (size_t pin = 0; pin < graph_.pins.size(); ++pin) {
      if (!graph_.pins[pin].driver) continue;
      for (; edge < graph_.cells.size() && graph_.cells[edge].output == static_cast<int32_t>(pin);
           ++edge) {
        through_cell(edge);
      }
      through_net(net_of_driver_[pin]);
    }
    require();
    return std::move(found_);
  }

 private:
  double derate(bool late) const { return late ? 1 : options_.early_derate; }

  void start() {
    for (const int32_t input : graph_.inputs) {
      const auto slew = static_cast<float>(options_.input_slew);
      found_.arrival[static_cast<size_t>(input)] = {0, 0, 0, 0};
      found_.slew[static_cast<size_t>(input)] = {slew, slew, slew, slew};
    }
    for (const TimingGraph::Launch& launch : graph_.launches) {
      const auto pin = static_cast<size_t>(launch.pin);
      const Wire& wire = wires_[net_of_driver_[pin]];
      for (const bool late : {false, true}) {
        for (const Edge out : {rising, falling}) {
          if (launch.arc->delay[out].empty()) continue;
          const Corner corner = corners[late][out];
          const double delay = launch.arc->delay[out].at(options_.clock_slew, wire.load[out]);
          found_.arrival[pin][corner] = static_cast<float>(delay * derate(late));
          found_.slew[pin][corner] = static_cast<float>(
              std::max(0.0, launch.arc->slew[out].at(options_.clock_slew, wire.load[out])));
        }
      }
    }
  }

  void through_cell(size_t edge) {
    const TimingGraph::CellEdge& cell = graph_.cells[edge];
    const auto from = static_cast<size_t>(cell.input), to = static_cast<size_t>(cell.output);
    const Wire& wire = wires_[net_of_driver_[to]];
    for (const bool late : {false, true}) {
      for (const Edge out : {rising, falling}) {
        const Corner corner = corners[late][out];
        float through = never;  // the arrival by this edge alone
        for (const TimingArc* arc : cell.arcs) {
          if (arc->delay[out].empty()) continue;
          for (const Edge in : {rising, falling}) {
            const Corner before = corners[late][in];
            if (!leads(arc->sense, in, out) || std::isnan(found_.arrival[from][before])) continue;
            const double slew = found_.slew[from][before];
            const double delay = arc->delay[out].at(slew, wire.load[out]) * derate(late);
            const double time = found_.arrival[from][before] + delay;
            if (std::isnan(through) || (late ? time > through : time < through)) {
              through = static_cast<float>(time);
              found_.cell_delay[edge][corner] = static_cast<float>(delay);
            }
            merge(found_.slew[to][corner], std::max(0.0, arc->slew[out].at(slew, wire.load[out])),
                  late);
          }
        }
        if (!std::isnan(through)) merge(found_.arrival[to][corner], through, late);
      }
    }
  }

  void through_net(size_t n) {
    const TimingGraph::Net& net = graph_.nets[n];
    const auto from = static_cast<size_t>(net.driver);
    const double degrade =
        std::log((1 - library_.slews.lower) / (1 - library_.slews.upper)) / library_.slews.derate;
    for (size_t s = 0; s < net.sinks.size(); ++s) {
      const auto to = static_cast<size_t>(net.sinks[s]);
      for (const bool late : {false, true}) {
        for (const Edge edge : {rising, falling}) {
          const Corner corner = corners[late][edge];
          const double elmore = wires_[n].elmore[s][edge];
          const double delay = std::log(2.0) * elmore * derate(late);
          found_.net_delay[first_edge_[n] + s][corner] = static_cast<float>(delay);
          found_.arrival[to][corner] = static_cast<float>(found_.arrival[from][corner] + delay);
          found_.slew[to][corner] =
              static_cast<float>(found_.slew[from][corner] + degrade * elmore);
        }
      }
    }
  }

  void require() {
    for (const TimingGraph::Endpoint& end : graph_.endpoints) {
      const auto latest = static_cast<float>(options_.period);
      Times required = {0, 0, latest, latest};
      if (end.setup) {
        const Times& slew = found_.slew[static_cast<size_t>(end.pin)];
        for (const Edge edge : {rising, falling}) {
          required[corners[1][edge]] = static_cast<float>(
              options_.period -
              end.setup->delay[edge].at(options_.clock_slew, slew[corners[1][edge]]));
          required[corners[0][edge]] = static_cast<float>(
              end.hold->delay[edge].at(options_.clock_slew, slew[corners[0][edge]]));
        }
      }
      found_.required.push_back(required);
    }
  }

  const TimingGraph& graph_;
  const Library& library_;
  const std::vector<Wire>& wires_;
  const TimingOptions& options_;
  std::vector<size_t> net_of_driver_, first_edge_;
  Timing found_;
};

}  // namespace

Timing analyse(const TimingGraph& graph, const Library& library, const std::vector<Wire>& wires,
               const TimingOptions& options) {
  return Analysis(graph, library, wires, options).run();
}

double worst_slack(const TimingGraph& graph, const Timing& timing, bool late) {
  double worst = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < graph.endpoints.size(); ++i) {
    const Times& arrival = timing.arrival[static_cast<size_t>(graph.endpoints[i].pin)];
    for (const Edge edge : {rising, falling}) {
      const Corner corner = corners[late][edge];
      if (std::isnan(arrival[corner])) continue;
      const double slack = late ? timing.required[i][corner] - arrival[corner]
                                : arrival[corner] - timing.required[i][corner];
      worst = std::min(worst, slack);
    }
  }
  return worst;
}

}  // namespace betimes::systems::preroutgnn
