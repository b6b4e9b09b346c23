#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "betimes/base/random.h"
#include "systems/hardware/help/predictor.h"

namespace betimes::systems::help {

/// The shared folder of models and data: BETIMES_SHARED, or beside the repository.
inline std::filesystem::path shared_folder() {
  if (const char* given = std::getenv("BETIMES_SHARED")) return given;
  return std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
}
inline std::string shared_data() { return (shared_folder() / "data").string(); }
inline std::string shared_predictor(const std::string& space) {
  return (shared_folder() / "models" / "help-predictors" / (space + ".safetensors")).string();
}

inline void fill(Layer& layer, double bound, Random& random) {
  for (auto* values : {&layer.weight, &layer.bias}) {
    for (float& value : *values) value = static_cast<float>(random.uniform(-bound, bound));
  }
}

/// A small one with everything: random weights, steps and modulator.
inline Predictor small_predictor(int64_t width, bool graph, int64_t references, uint64_t seed) {
  constexpr int64_t hidden = 6;
  Random random(seed);
  Predictor found;
  found.network = make_network(width, graph, references, hidden);
  for (Layer* layer : found.network.layers()) fill(*layer, 0.5, random);
  found.steps = make_network(width, graph, references, hidden);
  for (Layer* layer : found.steps->layers()) fill(*layer, 0.02, random);
  found.modulator = {{4, references}, {2 * modulation_size(2 * hidden), 4}};
  for (Layer& layer : found.modulator) fill(layer, 1, random);
  return found;
}

/// Random numbers, or random cells.
inline Encoded some_architectures(bool graph, size_t count, uint64_t seed) {
  Random random(seed);
  Encoded found;
  if (!graph) {
    found.width = 5;
    for (size_t i = 0; i < 5 * count; ++i) {
      found.features.push_back(static_cast<float>(random.uniform()));
    }
    return found;
  }
  found.width = cell_width;
  found.nodes = cell_nodes;
  found.adjacency = cell_adjacency();
  for (size_t i = 0; i < count; ++i) {
    std::vector<int> cell(6);
    for (int& operation : cell) operation = static_cast<int>(random.below(5));
    const std::vector<float> one = encode_cell(cell, "a cell");
    found.features.insert(found.features.end(), one.begin(), one.end());
  }
  return found;
}

}  // namespace betimes::systems::help
