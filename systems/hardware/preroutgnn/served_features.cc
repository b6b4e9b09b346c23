#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/served_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr auto base_width = static_cast<int64_t>(node_feature_count + level_feature_count);

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

void expect(const Dense& layers, int64_t in, int64_t out, const std::string& where,
            const std::string& what) {
  if (layers.in() == in && layers.out() == out) return;
  throw Error(where, fmt::format("{} takes {} numbers to {}", what, layers.in(), layers.out()),
              fmt::format("{} to {}", in, out));
}

float* copy(const float* from, int64_t count, float* to) { return std::copy_n(from, count, to); }

/// An edge of the auto-encoder: forward edges first, then the same reversed.
struct CodeEdge {
  size_t source = 0, target = 0;
  EdgeFeatures features{};
};

}  // namespace

ServedFeatures::ServedFeatures(const Weights& weights, const std::string& where,
                               const ModelOptions& options, const Statistics& statistics,
                               std::span<const Arc> library, int threads)
    : options_(options), statistics_(statistics) {
  const auto dense = [&](const std::string& prefix) {
    return Dense(find_linears(weights, prefix, where), false, threads);
  };
  for (const Arc& arc : library) arcs_.push_back(cell_edge_features(arc, statistics));
  const int64_t width = options.width(), inputs = base_width + 2 * options.latent;
  constexpr auto edge = static_cast<int64_t>(edge_feature_count);
  for (int64_t i = 0; options.latent > 0 && i < options.code_layers; ++i) {
    const std::string own = fmt::format("encoder.{}.", i);
    encoder_.push_back({dense(own + "message."), dense(own + "update.")});
    const int64_t in = i == 0 ? base_width : code_width + base_width;
    expect(encoder_.back().message, 2 * in + edge, 1 + 4 * code_message, where, own + "message");
    expect(encoder_.back().update, in + 4 * code_message,
           i + 1 == options.code_layers ? options.latent : code_width, where, own + "update");
  }
  const auto weight = weights.find("stem.weight"), bias = weights.find("stem.bias");
  if (weight == weights.end() || bias == weights.end()) throw Error(where, "lacks the stem");
  const Weights stem = {{"0.weight", weight->second}, {"0.bias", bias->second}};
  stem_.emplace_back(find_linears(stem, "", where), false, threads);
  expect(stem_[0], inputs, width, where, "stem");
  for (int64_t i = 0; i < options.net_layers; ++i) {
    const std::string own = fmt::format("convolution{}.", i);
    convolutions_.push_back(
        {dense(own + "to_sink."), dense(own + "to_driver."), dense(own + "update.")});
    Convolution& made = convolutions_.back();
    expect(made.to_sink, 2 * width + 2, width, where, own + "to_sink");
    expect(made.to_driver, 2 * width + 2, 1 + 2 * message_width, where, own + "to_driver");
    expect(made.update, width + 2 * message_width, width, where, own + "update");
  }
}

NumberRows ServedFeatures::run(const Circuit& circuit) {
  const size_t pins = circuit.pins();
  NumberRows base(pins, base_width);
  for (size_t i = 0; i < pins; ++i) {
    const NodeFeatures features = normalised(circuit.features[i], statistics_);
    const auto level = level_features(circuit.level[i]);
    std::ranges::copy(level, std::ranges::copy(features, base.at(i)).out);
  }
  const int64_t inputs = base_width + 2 * options_.latent, width = options_.width();
  NumberRows known(pins, inputs + width);
  const NumberRows latent = options_.latent > 0 ? code(circuit, base) : NumberRows();
  std::vector<double> mean(static_cast<size_t>(options_.latent), 0.0);
  for (size_t i = 0; i < pins && !mean.empty(); ++i) {
    for (size_t j = 0; j < mean.size(); ++j) {
      mean[j] += double{latent.at(i)[j]} / static_cast<double>(pins);
    }
  }
  for (size_t i = 0; i < pins; ++i) {
    float* to = copy(base.at(i), base_width, known.at(i));
    if (mean.empty()) continue;
    to = copy(latent.at(i), options_.latent, to);
    std::ranges::transform(mean, to, [](double each) { return static_cast<float>(each); });
  }
  NumberRows hidden(pins, width);
  stem_[0].run(
      static_cast<int64_t>(pins),
      [&](int64_t i, float* x, float*) { copy(known.at(static_cast<size_t>(i)), inputs, x); },
      [&](int64_t i, const float* y) {
        float* to = hidden.at(static_cast<size_t>(i));
        for (int64_t j = 0; j < width; ++j) {
          to[j] = y[j] > 0 ? y[j] : y[j] * static_cast<float>(leak);
        }
      });
  for (Convolution& each : convolutions_) convolve(circuit, hidden, each);
  for (size_t i = 0; i < pins; ++i) copy(hidden.at(i), width, known.at(i) + inputs);
  working_bytes_ =
      std::max(working_bytes_, base.bytes() + known.bytes() + latent.bytes() + hidden.bytes());
  return known;
}

NumberRows ServedFeatures::code(const Circuit& circuit, const NumberRows& nodes) {
  const size_t pins = circuit.pins();
  NumberRows h = code_layer(circuit, nodes, encoder_[0]);
  for (size_t i = 1; i < encoder_.size(); ++i) {
    NumberRows both(pins, h.width + nodes.width);
    for (size_t pin = 0; pin < pins; ++pin) {
      copy(nodes.at(pin), nodes.width, copy(h.at(pin), h.width, both.at(pin)));
    }
    NumberRows next = code_layer(circuit, both, encoder_[i]);
    if (i + 1 < encoder_.size()) {
      std::ranges::transform(next.values, h.values, next.values.begin(), std::plus<>());
    }
    working_bytes_ = std::max(working_bytes_, both.bytes() + next.bytes() + h.bytes());
    h = std::move(next);
  }
  return h;
}

NumberRows ServedFeatures::code_layer(const Circuit& circuit, const NumberRows& nodes,
                                      CodeLayer& layer) {
  const size_t pins = circuit.pins(), nets = circuit.nets.size(), all = nets + circuit.arcs.size();
  const auto edge_at = [&](size_t i) {
    const size_t e = i % all;
    CodeEdge edge;
    if (e < nets) {
      const NetEdge& net = circuit.nets[e];
      edge = {static_cast<size_t>(net.driver), static_cast<size_t>(net.sink),
              net_edge_features(net, statistics_)};
    } else {
      const CellEdge& cell = circuit.arcs[e - nets];
      edge = {static_cast<size_t>(cell.input), static_cast<size_t>(cell.output),
              arcs_[static_cast<size_t>(cell.arc)]};
    }
    if (i < all) return edge;
    std::swap(edge.source, edge.target);
    for (float& each : edge.features) each = -each;
    return edge;
  };
  NumberRows reduced(pins, 4 * code_message);
  std::vector<int32_t> counts(pins, 0);
  const int64_t width = nodes.width;
  layer.message.run(
      static_cast<int64_t>(2 * all),
      [&](int64_t i, float* x, float*) {
        const CodeEdge edge = edge_at(static_cast<size_t>(i));
        x = copy(nodes.at(edge.target), width, copy(nodes.at(edge.source), width, x));
        std::ranges::copy(edge.features, x);
      },
      [&](int64_t i, const float* y) {
        const size_t target = edge_at(static_cast<size_t>(i)).target;
        const float gate = sigmoid(y[0]);
        const bool first = counts[target]++ == 0;
        float* to = reduced.at(target);
        for (int64_t j = 0; j < 4 * code_message; ++j) {
          const float value = gate * y[1 + j];
          if (j < 2 * code_message) {
            to[j] += value;
          } else if (j < 3 * code_message) {
            to[j] = first ? value : std::min(to[j], value);
          } else {
            to[j] = first ? value : std::max(to[j], value);
          }
        }
      });
  NumberRows found(pins, layer.update.out());
  layer.update.run(
      static_cast<int64_t>(pins),
      [&](int64_t i, float* x, float*) {
        const auto pin = static_cast<size_t>(i);
        float* to = copy(nodes.at(pin), width, x);
        copy(reduced.at(pin), reduced.width, to);
        const auto count = static_cast<float>(std::max(counts[pin], 1));
        for (int64_t j = 0; j < code_message; ++j) to[j] /= count;
      },
      [&](int64_t i, const float* y) { copy(y, found.width, found.at(static_cast<size_t>(i))); });
  return found;
}

void ServedFeatures::convolve(const Circuit& circuit, NumberRows& pins, Convolution& layer) {
  const int64_t width = pins.width, nets = static_cast<int64_t>(circuit.nets.size());
  const auto net_at = [&](int64_t i) -> const NetEdge& {
    return circuit.nets[static_cast<size_t>(i)];
  };
  const auto wire = [&](const NetEdge& net, float* x) {
    x[0] = net.dx / statistics_.distance;
    x[1] = net.dy / statistics_.distance;
  };
  // A pin is a sink or a driver, never both, so sinks can change in place.
  layer.to_sink.run(
      nets,
      [&](int64_t i, float* x, float*) {
        const NetEdge& net = net_at(i);
        x = copy(pins.at(static_cast<size_t>(net.driver)), width, x);
        wire(net, copy(pins.at(static_cast<size_t>(net.sink)), width, x));
      },
      [&](int64_t i, const float* y) {
        float* to = pins.at(static_cast<size_t>(net_at(i).sink));
        for (int64_t j = 0; j < width; ++j) to[j] += y[j];
      });
  std::vector<int64_t> place(circuit.pins(), -1);
  std::vector<size_t> drivers;
  for (const NetEdge& net : circuit.nets) {
    const auto driver = static_cast<size_t>(net.driver);
    if (place[driver] >= 0) continue;
    place[driver] = static_cast<int64_t>(drivers.size());
    drivers.push_back(driver);
  }
  NumberRows heard(drivers.size(), 2 * message_width);
  for (size_t i = 0; i < drivers.size(); ++i) {
    std::fill_n(heard.at(i) + message_width, message_width,
                -std::numeric_limits<float>::infinity());
  }
  layer.to_driver.run(
      nets,
      [&](int64_t i, float* x, float*) {
        const NetEdge& net = net_at(i);
        x = copy(pins.at(static_cast<size_t>(net.sink)), width, x);
        wire(net, copy(pins.at(static_cast<size_t>(net.driver)), width, x));
      },
      [&](int64_t i, const float* y) {
        const auto driver = static_cast<size_t>(net_at(i).driver);
        float* to = heard.at(static_cast<size_t>(place[driver]));
        const float gate = sigmoid(y[0]);
        for (int64_t j = 0; j < message_width; ++j) {
          to[j] += gate * y[1 + j];
          to[message_width + j] = std::max(to[message_width + j], gate * y[1 + message_width + j]);
        }
      });
  layer.update.run(
      static_cast<int64_t>(drivers.size()),
      [&](int64_t i, float* x, float*) {
        const auto row = static_cast<size_t>(i);
        copy(heard.at(row), heard.width, copy(pins.at(drivers[row]), width, x));
      },
      [&](int64_t i, const float* y) {
        float* to = pins.at(drivers[static_cast<size_t>(i)]);
        for (int64_t j = 0; j < width; ++j) to[j] += y[j];
      });
  working_bytes_ = std::max(working_bytes_, pins.bytes() + heard.bytes());
}

size_t ServedFeatures::memory_bytes() const {
  size_t bytes = working_bytes_;
  for (const CodeLayer& each : encoder_) {
    bytes += each.message.memory_bytes() + each.update.memory_bytes();
  }
  for (const Dense& each : stem_) bytes += each.memory_bytes();
  for (const Convolution& each : convolutions_) {
    bytes +=
        each.to_sink.memory_bytes() + each.to_driver.memory_bytes() + each.update.memory_bytes();
  }
  return bytes;
}

}  // namespace betimes::systems::preroutgnn
