#include "systems/hardware/wa-hls4ml/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/wa-hls4ml/reuse.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr int64_t largest_number = 1'000'000'000;

constexpr std::array<const char*, 12> layer_names = {"activation",       "dense",
                                                     "conv1d",           "conv2d",
                                                     "separable_conv1d", "separable_conv2d",
                                                     "depthwise_conv1d", "depthwise_conv2d",
                                                     "flatten",          "max_pooling",
                                                     "average_pooling",  "batch_normalization"};

void check_layer(const Layer& layer, const std::string& where) {
  const auto refuse = [&](const char* what, int64_t value, const std::string& expected) {
    throw Error(where, fmt::format("{} is {}", what, value), expected);
  };
  const auto size = [&](const char* what, int64_t value) {
    if (value != absent && (value < 1 || value > largest_number)) {
      refuse(what, value, "1 at least, or -1 for none");
    }
  };
  for (const int64_t each : layer.in) size("an input size", each);
  for (const int64_t each : layer.out) size("an output size", each);
  size("the reuse factor", layer.reuse);
  size("the number of filters", layer.filters);
  size("the kernel size", layer.kernel);
  size("the stride", layer.stride);
  size("the pooling size", layer.pooling);
  if (layer.precision < lowest_precision || layer.precision > highest_precision) {
    refuse("the precision", layer.precision,
           fmt::format("{} to {} bits", lowest_precision, highest_precision));
  }
}

/// One row of the 18, number by number.
class Row {
 public:
  Row(std::span<const double> numbers, std::string where)
      : numbers_(numbers), where_(std::move(where)) {}

  bool empty() const {
    return std::ranges::all_of(numbers_, [](double value) { return value == -1; });
  }
  int64_t whole(size_t column) const {
    const double value = numbers_[column];
    if (!(std::abs(value) <= static_cast<double>(largest_number)) || value != std::trunc(value)) {
      throw Error(where_, fmt::format("number {} is {}", column + 1, value), "a whole number");
    }
    return static_cast<int64_t>(value);
  }
  template <class Category>
  Category category(size_t column, const char* what, int64_t count) const {
    const int64_t value = whole(column);
    if (value < 0 || value >= count) {
      throw Error(where_, fmt::format("{} {} isn't known", what, value),
                  fmt::format("0 to {}", count - 1));
    }
    return static_cast<Category>(value);
  }
  /// -1 is the first category: none.
  template <class Category>
  Category category_or_none(size_t column, const char* what, int64_t count) const {
    return whole(column) == absent ? Category{} : category<Category>(column, what, count);
  }

 private:
  std::span<const double> numbers_;
  std::string where_;
};

Layer parse_layer(const Row& row) {
  Layer layer;
  for (size_t i = 0; i < 3; ++i) {
    layer.in[i] = row.whole(i);
    layer.out[i] = row.whole(3 + i);
  }
  layer.precision = row.whole(6);
  layer.reuse = row.whole(7);
  layer.type = row.category<LayerType>(9, "layer type", static_cast<int64_t>(layer_names.size()));
  layer.activation = row.category_or_none<Activation>(10, "activation", 6);
  layer.filters = row.whole(11);
  layer.kernel = row.whole(12);
  layer.stride = row.whole(13);
  layer.padding = row.category_or_none<Padding>(14, "padding", 3);
  layer.pooling = row.whole(15);
  if (row.whole(16) != absent) row.category<int>(16, "batch normalisation", 2);  // not a feature
  return layer;
}

}  // namespace

const char* name(Strategy strategy) {
  return strategy == Strategy::latency ? "latency" : "resource";
}
const char* name(LayerType type) { return layer_names[static_cast<size_t>(type)]; }

const char* name(Target target) {
  constexpr std::array<const char*, targets> names = {"cycles", "FF", "LUT", "BRAM", "DSP", "II"};
  return names[static_cast<size_t>(target)];
}

void check(const Network& network, const std::string& where) {
  if (network.layers.empty() || network.layers.size() > most_layers) {
    throw Error(where, fmt::format("has {} layers", network.layers.size()),
                fmt::format("1 to {}", most_layers));
  }
  for (size_t i = 0; i < network.layers.size(); ++i) {
    check_layer(network.layers[i], fmt::format("{}, layer {}", where, i + 1));
  }
}

Network parse_rows(std::span<const double> numbers, const std::string& where) {
  if (numbers.empty() || numbers.size() % raw_width != 0) {
    throw Error(where, fmt::format("has {} numbers", numbers.size()),
                fmt::format("{} for each layer", raw_width));
  }
  Network network;
  bool ended = false;
  for (size_t i = 0; i < numbers.size() / raw_width; ++i) {
    const std::string here = fmt::format("{}, layer {}", where, i + 1);
    const Row row(numbers.subspan(i * raw_width, raw_width), here);
    if (row.empty()) {
      ended = true;
      continue;
    }
    if (ended) throw Error(here, "comes after padding");
    const auto strategy = row.category<Strategy>(8, "strategy", 2);
    const auto io = row.category<Io>(17, "io type", 2);
    if (i == 0) {
      network.strategy = strategy;
      network.io = io;
    } else if (strategy != network.strategy || io != network.io) {
      throw Error(here, "has another strategy or io type than the layers before");
    }
    network.layers.push_back(parse_layer(row));
  }
  check(network, where);
  return network;
}

Network dense_chain(std::span<const int64_t> sizes, int64_t precision, int64_t requested_reuse,
                    Strategy strategy) {
  if (sizes.size() < 2) {
    throw Error("a chain of dense layers", fmt::format("has {} sizes", sizes.size()),
                "inputs and outputs");
  }
  Network network;
  network.strategy = strategy;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    Layer layer;
    layer.in[0] = sizes[i];
    layer.out[0] = sizes[i + 1];
    layer.precision = precision;
    network.layers.push_back(layer);
  }
  check(network, "a chain of dense layers");
  for (Layer& layer : network.layers) {
    layer.reuse = closest_reuse(layer.in[0], layer.out[0], requested_reuse);
  }
  return network;
}

std::string sizes_text(const Network& network) {
  std::string text;
  const auto add = [&](const std::array<int64_t, 3>& sizes, const char* before) {
    text += before;
    for (size_t i = 0; i < sizes.size() && sizes[i] != absent; ++i) {
      text += fmt::format("{}{}", i > 0 ? "x" : "", sizes[i]);
    }
  };
  for (size_t i = 0; i < network.layers.size(); ++i) {
    // Where a layer takes what the one before gives, it is said once.
    if (i == 0 || network.layers[i].in != network.layers[i - 1].out) {
      add(network.layers[i].in, i == 0 ? "" : "|");
    }
    add(network.layers[i].out, "-");
  }
  return text;
}

std::string duplicate_key(const Network& network) {
  std::string key = sizes_text(network);
  for (const Layer& layer : network.layers) key += fmt::format(" {}", layer.precision);
  return key;
}

}  // namespace betimes::systems::wa_hls4ml
