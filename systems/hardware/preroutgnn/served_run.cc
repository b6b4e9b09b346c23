#include <algorithm>
#include <cmath>
#include <limits>

#include "systems/hardware/preroutgnn/served_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

/// One circuit on its way through the levels.
class Run {
 public:
  Run(ServedModel& model, const Circuit& circuit);
  Prediction finish();

 private:
  struct Level {
    bool net = false;
    std::vector<size_t> edges;
  };
  void find_levels();
  void start();
  void prepare(ServedStep& step, const std::vector<size_t>& edges, bool net, NumberRows& into);
  void group(size_t first, size_t last);
  void net_level(const std::vector<size_t>& edges, size_t at);
  void cell_level(const std::vector<size_t>& edges, size_t at);
  void read(const std::vector<size_t>& edges, size_t at, NumberRows& into);
  void inputs(const float* state, float* x) const;
  std::pair<size_t, size_t> ends(size_t edge, bool net) const;

  ServedModel& model_;
  const Circuit& circuit_;
  std::vector<size_t> chosen_;
  int64_t columns_;
  NumberRows known_, state_, cell_delay_;
  std::vector<Level> levels_;
  NumberRows prepared_net_, prepared_query_, prepared_cell_;
  std::vector<int64_t> place_;  // of an output pin among its level's
  size_t bytes_ = 0;
};

Run::Run(ServedModel& model, const Circuit& circuit)
    : model_(model),
      circuit_(circuit),
      chosen_(columns(model.options)),
      columns_(model.columns),
      known_(model.features.run(circuit)),
      state_(circuit.pins(), 2 * columns_),
      cell_delay_(circuit.arcs.size(), columns_),
      place_(circuit.pins(), -1) {
  find_levels();
  start();
  const auto step = static_cast<size_t>(model.settings.levels_per_call);
  for (size_t first = 0; first < levels_.size(); first += step) {
    group(first, std::min(first + step, levels_.size()));
  }
}

void Run::find_levels() {
  std::vector<std::vector<size_t>> by_level(static_cast<size_t>(circuit_.levels));
  const auto level_of = [&](int32_t pin) {
    return static_cast<size_t>(circuit_.level[static_cast<size_t>(pin)]);
  };
  for (size_t i = 0; i < circuit_.nets.size(); ++i) {
    by_level[level_of(circuit_.nets[i].sink)].push_back(i);
  }
  for (size_t i = 0; i < circuit_.arcs.size(); ++i) {
    by_level[level_of(circuit_.arcs[i].output)].push_back(i);
  }
  for (size_t level = 1; level < by_level.size(); ++level) {
    if (!by_level[level].empty()) levels_.push_back({level % 2 == 1, std::move(by_level[level])});
  }
}

void Run::start() {
  for (size_t i = 0; i < circuit_.pins(); ++i) {
    if (circuit_.level[i] != 0) continue;
    float* to = state_.at(i);
    for (const size_t c : chosen_) {
      *to++ = sane_arrival(circuit_.straight_arrival[i][c]) / model_.statistics.delay;
    }
    for (const size_t c : chosen_) *to++ = log_slew(circuit_.straight_slew[i][c]);
  }
}

std::pair<size_t, size_t> Run::ends(size_t edge, bool net) const {
  const int32_t from = net ? circuit_.nets[edge].driver : circuit_.arcs[edge].input;
  const int32_t to = net ? circuit_.nets[edge].sink : circuit_.arcs[edge].output;
  return {static_cast<size_t>(from), static_cast<size_t>(to)};
}

void Run::prepare(ServedStep& step, const std::vector<size_t>& edges, bool net, NumberRows& into) {
  into = NumberRows(edges.size(), step.prepare.out());
  step.prepare.run(
      static_cast<int64_t>(edges.size()),
      [&](int64_t i, float* x, float*) {
        const auto [from, to] = ends(edges[static_cast<size_t>(i)], net);
        x = std::copy_n(known_.at(from), known_.width, x);
        std::copy_n(known_.at(to), known_.width, x);
      },
      [&](int64_t i, const float* y) {
        std::copy_n(y, into.width, into.at(static_cast<size_t>(i)));
      });
}

void Run::group(size_t first, size_t last) {
  std::vector<size_t> nets, cells;
  for (size_t i = first; i < last; ++i) {
    auto& all = levels_[i].net ? nets : cells;
    all.insert(all.end(), levels_[i].edges.begin(), levels_[i].edges.end());
  }
  prepare(model_.net[0], nets, true, prepared_net_);
  if (!model_.query.empty()) prepare(model_.query[0], cells, false, prepared_query_);
  prepare(model_.cell[0], cells, false, prepared_cell_);
  bytes_ = std::max(bytes_, known_.bytes() + state_.bytes() + cell_delay_.bytes() +
                                prepared_net_.bytes() + prepared_query_.bytes() +
                                prepared_cell_.bytes());
  size_t net_at = 0, cell_at = 0;
  for (size_t i = first; i < last; ++i) {
    const Level& level = levels_[i];
    size_t& at = level.net ? net_at : cell_at;
    if (level.net) {
      net_level(level.edges, at);
    } else {
      cell_level(level.edges, at);
    }
    at += level.edges.size();
  }
}

/// As PredictorImpl::step_inputs.
void Run::inputs(const float* state, float* x) const {
  const Statistics& statistics = model_.statistics;
  const int64_t corners = columns_ / 2;
  for (int64_t c = 0; c < corners; ++c) {
    const float rise = state[2 * c], fall = state[2 * c + 1];
    x[c] = ((rise + fall) / 2 * statistics.delay - statistics.arrival_mean) /
           statistics.arrival_deviation;
    x[corners + c] = (rise - fall) / 2;
  }
  std::copy_n(state + columns_, columns_, x + columns_);
}

void Run::net_level(const std::vector<size_t>& edges, size_t at) {
  Dense& rest = model_.net[0].rest;
  const bool adds = model_.options.residual != Residual::none;
  const Statistics& statistics = model_.statistics;
  rest.run(
      static_cast<int64_t>(edges.size()),
      [&](int64_t i, float* x, float* addend) {
        const auto row = static_cast<size_t>(i);
        inputs(state_.at(ends(edges[row], true).first), x);
        std::copy_n(prepared_net_.at(at + row), prepared_net_.width, addend);
      },
      [&](int64_t i, const float* y) {
        const auto [from, to] = ends(edges[static_cast<size_t>(i)], true);
        const float* before = state_.at(from);
        float* after = state_.at(to);
        for (int64_t j = 0; j < 2 * columns_; ++j) {
          const bool arrival = j < columns_;
          if (adds) {
            after[j] = before[j] + y[j];
          } else {
            after[j] = arrival ? (y[j] * statistics.arrival_deviation + statistics.arrival_mean) /
                                     statistics.delay
                               : y[j];
          }
        }
      });
}

/// What attention reads of the tables of these edges, or their means.
void Run::read(const std::vector<size_t>& edges, size_t at, NumberRows& into) {
  into = NumberRows(edges.size(), model_.read_width);
  std::vector<int64_t> arcs;
  for (const size_t edge : edges) arcs.push_back(circuit_.arcs[edge].arc);
  if (model_.query.empty()) {
    for (size_t i = 0; i < edges.size(); ++i) {
      std::copy_n(model_.means.begin() + arcs[i] * into.width, into.width, into.at(i));
    }
    return;
  }
  NumberRows scores(edges.size(), model_.read_width);
  model_.query[0].rest.run(
      static_cast<int64_t>(edges.size()),
      [&](int64_t i, float* x, float* addend) {
        const auto row = static_cast<size_t>(i);
        inputs(state_.at(ends(edges[row], false).first), x);
        std::copy_n(prepared_query_.at(at + row), prepared_query_.width, addend);
      },
      [&](int64_t i, const float* y) {
        std::copy_n(y, scores.width, scores.at(static_cast<size_t>(i)));
      });
  read_tables(model_.entries, arcs, scores.values, attention_heads, into.values, {});
}

void Run::cell_level(const std::vector<size_t>& edges, size_t at) {
  NumberRows reading;
  read(edges, at, reading);
  std::vector<size_t> pins;
  for (const size_t edge : edges) {
    const size_t pin = ends(edge, false).second;
    if (place_[pin] >= 0) continue;
    place_[pin] = static_cast<int64_t>(pins.size());
    pins.push_back(pin);
  }
  constexpr float none = -std::numeric_limits<float>::infinity();
  const int64_t early = columns_ - 2;  // columns before the late ones
  NumberRows heard(pins.size(), 2 * message_width), arrivals(pins.size(), columns_);
  for (size_t i = 0; i < pins.size(); ++i) {
    std::fill_n(heard.at(i) + message_width, message_width, none);
    std::fill_n(arrivals.at(i), columns_, none);
    std::fill_n(arrivals.at(i), early, -none);
  }
  const int64_t state = 2 * columns_;
  model_.cell[0].rest.run(
      static_cast<int64_t>(edges.size()),
      [&](int64_t i, float* x, float* addend) {
        const auto row = static_cast<size_t>(i);
        inputs(state_.at(ends(edges[row], false).first), x);
        std::copy_n(reading.at(row), reading.width, x + state);
        std::copy_n(prepared_cell_.at(at + row), prepared_cell_.width, addend);
      },
      [&](int64_t i, const float* y) {
        const size_t edge = edges[static_cast<size_t>(i)];
        const auto [from, to] = ends(edge, false);
        const auto place = static_cast<size_t>(place_[to]);
        const float gate = 1 / (1 + std::exp(-y[0]));
        float* own = heard.at(place);
        for (int64_t j = 0; j < message_width; ++j) {
          own[j] += gate * y[1 + j];
          own[message_width + j] =
              std::max(own[message_width + j], gate * y[1 + message_width + j]);
        }
        const float* delay = y + 1 + 2 * message_width;
        for (int64_t c = 0; c < columns_; ++c) {
          const float arrival = state_.at(from)[c] + delay[c];
          float& best = arrivals.at(place)[c];
          best = c < early ? std::min(best, arrival) : std::max(best, arrival);
          cell_delay_.at(edge)[c] = delay[c];
        }
      });
  const Statistics& statistics = model_.statistics;
  const bool adds = model_.options.residual == Residual::all_steps;
  model_.update[0].run(
      static_cast<int64_t>(pins.size()),
      [&](int64_t i, float* x, float*) {
        const auto row = static_cast<size_t>(i);
        x = std::copy_n(known_.at(pins[row]), known_.width, x);
        std::copy_n(heard.at(row), heard.width, x);
      },
      [&](int64_t i, const float* y) {
        const auto row = static_cast<size_t>(i);
        float* after = state_.at(pins[row]);
        for (int64_t c = 0; c < columns_; ++c) {
          after[c] = adds ? arrivals.at(row)[c] + y[c]
                          : (y[c] * statistics.arrival_deviation + statistics.arrival_mean) /
                                statistics.delay;
        }
        std::copy_n(y + columns_, columns_, after + columns_);
      });
}

Prediction Run::finish() {
  const auto times = [&](const NumberRows& rows, int64_t first, const auto& in_ns) {
    std::vector<Times> found(rows.values.size() / static_cast<size_t>(rows.width));
    for (size_t i = 0; i < found.size(); ++i) {
      for (size_t c = 0; c < chosen_.size(); ++c) {
        found[i][chosen_[c]] = in_ns(rows.at(i)[static_cast<size_t>(first) + c]);
      }
    }
    return found;
  };
  const auto scaled = [&](float value) { return value * model_.statistics.delay; };
  Prediction found;
  found.arrival = times(state_, 0, scaled);
  found.slew = times(state_, columns_, slew_of);
  found.cell_delay = times(cell_delay_, 0, scaled);
  NumberRows net_delay(circuit_.nets.size(), columns_);
  const int64_t width = model_.options.width();
  model_.net_delay[0].run(
      static_cast<int64_t>(circuit_.nets.size()),
      [&](int64_t i, float* x, float*) {
        const auto sink = static_cast<size_t>(circuit_.nets[static_cast<size_t>(i)].sink);
        std::copy_n(known_.at(sink) + known_.width - width, width, x);
      },
      [&](int64_t i, const float* y) {
        std::copy_n(y, columns_, net_delay.at(static_cast<size_t>(i)));
      });
  found.net_delay = times(net_delay, 0, net_delay_of);
  model_.working_bytes = std::max(model_.working_bytes, bytes_ + net_delay.bytes());
  return found;
}

}  // namespace

Prediction run_levels(ServedModel& model, const Circuit& circuit) {
  return Run(model, circuit).finish();
}

}  // namespace betimes::systems::preroutgnn
