#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "systems/hardware/preroutgnn/served.h"
#include "systems/hardware/preroutgnn/served_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

Weights read_weights(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    throw Error(path, "isn't there", "betimes train preroutgnn, which writes it");
  }
  return import::read_safetensors(path);
}

/// The first layer's part for the state (and a table's reading), then the other layers.
Linears behind(const Linears& layers, Linear first) {
  Linears found = {std::move(first)};
  found.insert(found.end(), layers.begin() + 1, layers.end());
  return found;
}

/// Two layers' inputs side by side, without a bias.
Linear beside(const Linear& left, const Linear& right) {
  Linear both{Tensor(DType::f32, {left.out(), left.in() + right.in()}),
              Tensor(DType::f32, {left.out()})};
  const auto to = both.weight.mutable_data<float>();
  const auto a = left.weight.data<float>(), b = right.weight.data<float>();
  for (int64_t i = 0; i < left.out(); ++i) {
    const auto row = to.begin() + i * both.in();
    std::copy_n(b.begin() + i * right.in(), right.in(),
                std::copy_n(a.begin() + i * left.in(), left.in(), row));
  }
  return both;
}

}  // namespace

ServedModel::ServedModel(const std::string& path, std::span<const Arc> library,
                         const ServedPredictor::Settings& given)
    : ServedModel(path, read_weights(path), import::read_safetensors_metadata(path), library,
                  given) {}

ServedModel::ServedModel(const std::string& path, const Weights& weights,
                         const std::map<std::string, std::string>& metadata,
                         std::span<const Arc> library, const ServedPredictor::Settings& given)
    : options(parse_options(metadata, path)),
      statistics(parse_statistics(metadata, path)),
      settings(given),
      entries(table_entries(library, options, statistics)),
      columns(static_cast<int64_t>(options.columns())),
      known_width(static_cast<int64_t>(node_feature_count + level_feature_count) +
                  2 * options.latent + options.width()),
      features(weights, path, options, statistics, library, given.threads) {
  if (settings.levels_per_call < 1) {
    throw Error("levels_per_call", fmt::format("is {}", settings.levels_per_call), "1 at least");
  }
  if (options.reading == Reading::product) {
    throw Error(path, "reads tables by products, which isn't served", "attention or mean");
  }
  const auto linears = [&](const char* prefix) { return find_linears(weights, prefix, path); };
  const int64_t state = 2 * columns, both = state + 2 * known_width;
  net_delay.emplace_back(linears("net_delay."), false, settings.threads);
  net.push_back(split(linears("net_step."), state, both, path));
  Linears message = linears("message.");
  const Linear first = message[0];
  const auto tables = static_cast<int64_t>(options.tables());
  if (options.reading == Reading::attention) {
    FoldedReading folded = fold_attention(weights, path, options, first, both);
    query.push_back(split(folded.query, state, both, path));
    Linear prepared = input_part(first, state, both, true);
    const auto bias = prepared.bias.mutable_data<float>();
    const auto more = folded.into_message.bias.data<float>();
    std::ranges::transform(bias, more, bias.begin(), std::plus<>());
    cell.push_back(
        {Dense({prepared}, false, settings.threads),
         Dense(behind(message, beside(input_part(first, 0, state, false), folded.into_message)),
               true, settings.threads)});
    read_width = tables * attention_heads;
  } else {
    if (first.in() != both + tables) throw Error(path, "message.0.weight has other inputs");
    for (const Arc& arc : library) {
      for (const size_t t : preroutgnn::tables(options)) {
        means.push_back(table_mean(arc[t], statistics));
      }
    }
    cell.push_back({Dense({input_part(first, state, both, true)}, false, settings.threads),
                    Dense(behind(message, beside(input_part(first, 0, state, false),
                                                 input_part(first, both, first.in(), false))),
                          true, settings.threads)});
    read_width = tables;
  }
  update.emplace_back(linears("update."), false, settings.threads);
  if (cell[0].rest.out() != 1 + 2 * message_width + columns || net[0].rest.out() != state ||
      update[0].in() != known_width + 2 * message_width || update[0].out() != state ||
      net_delay[0].in() != options.width() || net_delay[0].out() != columns) {
    throw Error(path, "has layers of other widths than its options say");
  }
}

ServedStep ServedModel::split(const Linears& layers, int64_t state, int64_t both,
                              const std::string& path) const {
  if (layers[0].in() != both) {
    throw Error(path, fmt::format("a step has {} inputs", layers[0].in()), std::to_string(both));
  }
  return {Dense({input_part(layers[0], state, both, true)}, false, settings.threads),
          Dense(behind(layers, input_part(layers[0], 0, state, false)), true, settings.threads)};
}

size_t ServedModel::memory_bytes() const {
  size_t bytes = working_bytes + features.memory_bytes();
  for (const auto* all : {&net_delay, &update}) {
    for (const Dense& each : *all) bytes += each.memory_bytes();
  }
  for (const auto* all : {&net, &query, &cell}) {
    for (const ServedStep& each : *all)
      bytes += each.prepare.memory_bytes() + each.rest.memory_bytes();
  }
  return bytes;
}

}  // namespace betimes::systems::preroutgnn
