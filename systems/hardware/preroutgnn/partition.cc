#include "systems/hardware/preroutgnn/partition.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

std::vector<int64_t> pins_by_level(const Circuit& circuit) {
  std::vector<int64_t> counts(static_cast<size_t>(circuit.levels), 0);
  for (const int32_t level : circuit.level) ++counts.at(static_cast<size_t>(level));
  return counts;
}

Block make_block(const Circuit& circuit, int64_t first, int64_t last, int64_t halo) {
  Block block{first, last, {}, {}};
  std::vector<bool> there(circuit.pins(), false), own(circuit.pins(), false);
  for (size_t i = 0; i < circuit.pins(); ++i) {
    const int64_t level = circuit.level[i];
    own[i] = level >= first && level <= last;
    there[i] = level >= first - halo && level <= last + halo;
    if (own[i]) block.own.push_back(static_cast<int32_t>(i));
  }
  const auto need = [&](int32_t from, int32_t to) {
    if (own[static_cast<size_t>(to)]) there[static_cast<size_t>(from)] = true;
  };
  for (const NetEdge& each : circuit.nets) need(each.driver, each.sink);
  for (const CellEdge& each : circuit.arcs) need(each.input, each.output);
  for (size_t i = 0; i < there.size(); ++i) {
    if (there[i]) block.pins.push_back(static_cast<int32_t>(i));
  }
  return block;
}

}  // namespace

std::vector<Block> partition(const Circuit& circuit, int64_t most_pins, int64_t halo) {
  if (most_pins < 1 || halo < 0) {
    throw Error("partition", fmt::format("is asked for {} pins with a halo of {}", most_pins, halo),
                "1 pin at least, and no negative halo");
  }
  if (circuit.levels < 2 || circuit.levels % 2 != 0) {
    throw Error(circuit.name, fmt::format("has {} levels", circuit.levels), "an even number");
  }
  const std::vector<int64_t> counts = pins_by_level(circuit);
  const auto pair = [&](int64_t level) {
    return counts[static_cast<size_t>(level)] + counts[static_cast<size_t>(level) + 1];
  };
  std::vector<Block> found;
  for (int64_t first = 0; first < circuit.levels;) {
    int64_t last = first + 1, size = pair(first);
    while (last + 1 < circuit.levels && size + pair(last + 1) <= most_pins) {
      size += pair(last + 1);
      last += 2;
    }
    found.push_back(make_block(circuit, first, last, halo));
    first = last + 1;
  }
  return found;
}

Block whole(const Circuit& circuit) { return make_block(circuit, 0, circuit.levels - 1, 0); }

}  // namespace betimes::systems::preroutgnn
