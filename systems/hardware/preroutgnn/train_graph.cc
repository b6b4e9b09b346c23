#include "systems/hardware/preroutgnn/train_graph.h"

#include <functional>

#include "systems/hardware/preroutgnn/circuits.h"

namespace betimes::systems::preroutgnn {
namespace {

at::Tensor whole_numbers(const std::vector<int64_t>& values) {
  return at::tensor(values, at::TensorOptions(at::kLong));
}

at::Tensor rows(const std::vector<float>& values, size_t width) {
  return at::tensor(values, at::TensorOptions(at::kFloat)).view({-1, static_cast<int64_t>(width)});
}

/// Gathers a block's pins and edges.
class Maker {
 public:
  Maker(const Circuit& circuit, const Block& block, std::span<const Arc> library,
        const Statistics& statistics, const ModelOptions& options)
      : circuit_(circuit),
        statistics_(statistics),
        library_(library),
        columns_(columns(options)),
        place_(circuit.pins(), -1),
        own_(circuit.pins(), false) {
    for (const int32_t pin : block.own) own_[static_cast<size_t>(pin)] = true;
    for (size_t i = 0; i < block.pins.size(); ++i) {
      place_[static_cast<size_t>(block.pins[i])] = static_cast<int64_t>(i);
    }
    made_.name = circuit.name;
    made_.pins = static_cast<int64_t>(block.pins.size());
    add_pins(block);
    add_nets();
    add_arcs();
    add_code_edges();
    add_steps();
  }
  GraphTensors take() { return std::move(made_); }

 private:
  void add_pins(const Block& block) {
    std::vector<float> nodes, levels, state;
    std::vector<int64_t> own, starts;
    for (const int32_t pin : block.pins) {
      const auto i = static_cast<size_t>(pin);
      const NodeFeatures features = normalised(circuit_.features[i], statistics_);
      nodes.insert(nodes.end(), features.begin(), features.end());
      const auto level = level_features(circuit_.level[i]);
      levels.insert(levels.end(), level.begin(), level.end());
      // Where paths start, what is known before routing: a register's output has its load's delay.
      const bool starts_paths = circuit_.level[i] == 0;
      const Times& arrival = (starts_paths ? circuit_.straight_arrival : circuit_.arrival)[i];
      const Times& slew = (starts_paths ? circuit_.straight_slew : circuit_.slew)[i];
      for (const size_t c : columns_) {
        state.push_back(sane_arrival(arrival[c]) / statistics_.delay);
      }
      for (const size_t c : columns_) state.push_back(log_slew(slew[c]));
      if (own_[i]) own.push_back(place_[i]);
      if (starts_paths) starts.push_back(place_[i]);
    }
    made_.nodes = rows(nodes, node_feature_count);
    made_.levels = rows(levels, level_feature_count);
    made_.state = rows(state, 2 * columns_.size());
    made_.own_pins = whole_numbers(own);
    made_.starts = whole_numbers(starts);
  }

  /// Where the edge's ends are in the block; false: one isn't.
  bool there(int32_t from, int32_t to, std::vector<int64_t>& sources,
             std::vector<int64_t>& targets) const {
    const int64_t a = place_[static_cast<size_t>(from)], b = place_[static_cast<size_t>(to)];
    if (a < 0 || b < 0) return false;
    sources.push_back(a);
    targets.push_back(b);
    return true;
  }

  void add_level(size_t pin, bool net, size_t edge) {
    auto& by_level = net ? nets_by_level_ : arcs_by_level_;
    by_level.resize(static_cast<size_t>(circuit_.levels));
    by_level[static_cast<size_t>(circuit_.level[pin])].push_back(static_cast<int64_t>(edge));
  }

  void add_edge(const EdgeFeatures& features) {
    edges_.insert(edges_.end(), features.begin(), features.end());
  }

  void add_nets() {
    std::vector<int64_t> drivers, sinks, own;
    std::vector<float> wires, delays;
    for (const NetEdge& each : circuit_.nets) {
      if (!there(each.driver, each.sink, drivers, sinks)) continue;
      const auto sink = static_cast<size_t>(each.sink);
      wires.push_back(each.dx / statistics_.distance);
      wires.push_back(each.dy / statistics_.distance);
      for (const size_t c : columns_) delays.push_back(log_net_delay(each.delay[c]));
      if (own_[sink]) own.push_back(static_cast<int64_t>(sinks.size() - 1));
      add_level(sink, true, sinks.size() - 1);
      add_edge(net_edge_features(each, statistics_));
    }
    made_.driver = whole_numbers(drivers);
    made_.sink = whole_numbers(sinks);
    made_.wires = rows(wires, 2);
    made_.net_delay = rows(delays, columns_.size());
    made_.own_nets = whole_numbers(own);
  }

  void add_arcs() {
    std::vector<int64_t> inputs, outputs, arcs, own;
    std::vector<float> delays;
    for (const CellEdge& each : circuit_.arcs) {
      if (!there(each.input, each.output, inputs, outputs)) continue;
      const auto output = static_cast<size_t>(each.output);
      arcs.push_back(each.arc);
      for (const size_t c : columns_) delays.push_back(each.delay[c] / statistics_.delay);
      if (own_[output]) own.push_back(static_cast<int64_t>(outputs.size() - 1));
      add_level(output, false, outputs.size() - 1);
      add_edge(cell_edge_features(library_[static_cast<size_t>(each.arc)], statistics_));
    }
    made_.input = whole_numbers(inputs);
    made_.output = whole_numbers(outputs);
    made_.arc = whole_numbers(arcs);
    made_.cell_delay = rows(delays, columns_.size());
    made_.own_arcs = whole_numbers(own);
  }

  void add_code_edges() {
    const at::Tensor forward = rows(edges_, edge_feature_count);
    made_.edges = at::cat({forward, -forward});
    made_.source = at::cat({made_.driver, made_.input, made_.sink, made_.output});
    made_.target = at::cat({made_.sink, made_.output, made_.driver, made_.input});
  }

  void add_steps() {
    for (size_t level = 1; level < static_cast<size_t>(circuit_.levels); ++level) {
      const bool net = level % 2 == 1;
      const auto& by_level = net ? nets_by_level_ : arcs_by_level_;
      if (level >= by_level.size() || by_level[level].empty()) continue;
      made_.steps.push_back({net, whole_numbers(by_level[level])});
    }
  }

  const Circuit& circuit_;
  const Statistics& statistics_;
  std::span<const Arc> library_;
  std::vector<size_t> columns_;
  std::vector<int64_t> place_;
  std::vector<bool> own_;
  std::vector<std::vector<int64_t>> nets_by_level_, arcs_by_level_;
  std::vector<float> edges_;
  GraphTensors made_;
};

std::vector<Times> times_of(const at::Tensor& values, const std::vector<size_t>& columns,
                            const std::function<float(float)>& in_ns) {
  const at::Tensor dense = values.detach().contiguous();
  const float* at = dense.data_ptr<float>();
  std::vector<Times> found(static_cast<size_t>(dense.size(0)));
  for (Times& each : found) {
    for (const size_t c : columns) each[c] = in_ns(*at++);
  }
  return found;
}

}  // namespace

GraphTensors make_graph(const Circuit& circuit, const Block& block, std::span<const Arc> library,
                        const Statistics& statistics, const ModelOptions& options) {
  check_circuit(circuit, library.size(), circuit.name);
  return Maker(circuit, block, library, statistics, options).take();
}

GraphTensors make_graph(const Circuit& circuit, std::span<const Arc> library,
                        const Statistics& statistics, const ModelOptions& options) {
  return make_graph(circuit, whole(circuit), library, statistics, options);
}

Prediction restore(const at::Tensor& state, const at::Tensor& net_delay,
                   const at::Tensor& cell_delay, const Statistics& statistics,
                   const ModelOptions& options) {
  const std::vector<size_t> chosen = columns(options);
  const auto count = static_cast<int64_t>(chosen.size());
  const auto scaled = [&](float value) { return value * statistics.delay; };
  Prediction found;
  found.arrival = times_of(state.slice(1, 0, count), chosen, scaled);
  found.slew = times_of(state.slice(1, count), chosen, slew_of);
  if (net_delay.defined()) found.net_delay = times_of(net_delay, chosen, net_delay_of);
  if (cell_delay.defined()) found.cell_delay = times_of(cell_delay, chosen, scaled);
  return found;
}

}  // namespace betimes::systems::preroutgnn
