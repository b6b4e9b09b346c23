#include "systems/hardware/help/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "betimes/base/error.h"

namespace betimes::systems::help {
namespace {

/// Where `value` stands among `known`; throws Error.
template <size_t N>
size_t place(int value, const std::array<int, N>& known, const std::string& where,
             const char* what) {
  const auto at = std::find(known.begin(), known.end(), value);
  if (at == known.end()) throw Error(where, fmt::format("{} isn't {}", value, what));
  return static_cast<size_t>(at - known.begin());
}

void need(size_t found, int expected, const std::string& where) {
  if (found == static_cast<size_t>(expected)) return;
  throw Error(where, fmt::format("has {} numbers", found), std::to_string(expected));
}

}  // namespace

Encoded Encoded::rows(std::span<const size_t> which) const {
  Encoded found{width, nodes, adjacency, {}};
  const auto length = static_cast<size_t>(nodes * width);
  found.features.reserve(which.size() * length);
  for (const size_t row : which) {
    if (row >= count()) {
      throw Error("architectures", fmt::format("there is no number {}", row),
                  fmt::format("below {}", count()));
    }
    const auto begin = features.begin() + static_cast<int64_t>(row * length);
    found.features.insert(found.features.end(), begin, begin + static_cast<int64_t>(length));
  }
  return found;
}

std::vector<float> Encoded::node_major() const {
  if (nodes == 1) return features;
  const auto all = static_cast<int64_t>(count());
  std::vector<float> found(features.size());
  for (int64_t i = 0; i < all; ++i) {
    for (int64_t node = 0; node < nodes; ++node) {
      const auto from = features.begin() + (i * nodes + node) * width;
      std::copy(from, from + width, found.begin() + (node * all + i) * width);
    }
  }
  return found;
}

std::vector<float> encode_fbnet(std::span<const int> blocks, const std::string& where) {
  need(blocks.size(), fbnet_blocks, where);
  constexpr size_t numbers = 6, kinds = 4;  // kernel size, then expansion or groups
  std::vector<float> found(blocks.size() * numbers);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int choice = blocks[i];
    if (choice < 0 || choice >= fbnet_choices) {
      throw Error(where, fmt::format("block {} has choice {}", i, choice), "0 to 8");
    }
    if (choice == fbnet_skip) continue;
    const auto at = static_cast<size_t>(choice);
    found[i * numbers + at / kinds] = 1;
    found[i * numbers + 2 + at % kinds] = 1;
  }
  return found;
}

std::vector<float> encode_ofa(std::span<const int> numbers, const std::string& where) {
  need(numbers.size(), ofa_numbers, where);
  constexpr size_t stages = 5, layers = 4, blocks = stages * layers, kinds = 3, resolutions = 25;
  constexpr int least = 128, step = 4;
  const std::span<const int> depths = numbers.subspan(1, stages),
                             kernels = numbers.subspan(1 + stages, blocks),
                             expansions = numbers.subspan(1 + stages + blocks, blocks);
  std::vector<float> found(2 * kinds * blocks + resolutions);
  for (size_t i = 0; i < blocks; ++i) {
    const size_t depth = 2 + place<3>(depths[i / layers], {2, 3, 4}, where, "a depth of 2 to 4");
    const size_t kernel = place<3>(kernels[i], {3, 5, 7}, where, "a kernel of 3, 5 or 7");
    const size_t wide = place<3>(expansions[i], {3, 4, 6}, where, "an expansion of 3, 4 or 6");
    if (i % layers >= depth) continue;
    found[kinds * i + kernel] = 1;
    found[kinds * (blocks + i) + wide] = 1;
  }
  const int beyond = numbers[0] - least;
  if (beyond < 0 || beyond % step != 0 || beyond / step >= static_cast<int>(resolutions)) {
    throw Error(where, fmt::format("resolution {}", numbers[0]), "128 to 224 in steps of 4");
  }
  found[2 * kinds * blocks + static_cast<size_t>(beyond / step)] = 1;
  return found;
}

std::vector<float> encode_cell(std::span<const int> operators, const std::string& where) {
  constexpr int edges = 6;
  need(operators.size(), edges, where);
  // Columns of none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3. The order is stated
  // nowhere; with this one, alphabetical, the published weights give the published figures.
  constexpr std::array<int64_t, 5> column = {4, 5, 2, 3, 1};
  constexpr int64_t input = 0, output = 6, global = 7;
  std::vector<float> found(static_cast<size_t>(cell_nodes * cell_width));
  const auto mark = [&](int64_t node, int64_t of) {
    found[static_cast<size_t>(node * cell_width + of)] = 1;
  };
  mark(0, input);
  for (size_t i = 0; i < operators.size(); ++i) {
    if (operators[i] < 0 || operators[i] >= static_cast<int>(column.size())) {
      throw Error(where, fmt::format("edge {} has operator {}", i, operators[i]), "0 to 4");
    }
    mark(static_cast<int64_t>(i) + 1, column[static_cast<size_t>(operators[i])]);
  }
  mark(cell_nodes - 2, output);
  mark(cell_nodes - 1, global);
  return found;
}

std::vector<float> cell_adjacency() {
  // Operators in the order of the text: 0->1, 0->2, 1->2, 0->3, 1->3, 2->3; an operator passes on
  // to those that begin where it ends.
  constexpr std::array<std::array<int64_t, 2>, 10> edges = {
      {{0, 1}, {0, 2}, {0, 4}, {1, 3}, {1, 5}, {2, 6}, {3, 6}, {4, 7}, {5, 7}, {6, 7}}};
  std::vector<float> found(static_cast<size_t>(cell_nodes * cell_nodes));
  const auto reads = [&](int64_t node, int64_t from) {
    found[static_cast<size_t>(node * cell_nodes + from)] = 1;
  };
  for (const auto& [from, to] : edges) reads(to, from);
  for (int64_t node = 0; node < cell_nodes; ++node) {
    reads(node, node);
    reads(cell_nodes - 1, node);
  }
  return found;
}

double fbnet_macs(std::span<const int> blocks) {
  need(blocks.size(), fbnet_blocks, "an FBNet");
  struct Stage {
    int channels, blocks, stride;
  };
  constexpr std::array<Stage, 7> stages = {
      {{16, 1, 1}, {24, 4, 2}, {32, 4, 2}, {64, 4, 2}, {112, 4, 1}, {184, 4, 2}, {352, 1, 1}}};
  struct Choice {
    double kernel, expansion, groups;
  };
  constexpr std::array<Choice, 8> choices = {
      {{3, 1, 1}, {3, 1, 2}, {3, 3, 1}, {3, 6, 1}, {5, 1, 1}, {5, 1, 2}, {5, 3, 1}, {5, 6, 1}}};
  constexpr double stem = 16, last = 1984, classes = 1000;
  double side = 112, channels = stem, sum = 3 * 3 * 3 * stem * side * side;
  size_t at = 0;
  for (const Stage& stage : stages) {
    for (int i = 0; i < stage.blocks; ++i) {
      const int stride = i == 0 ? stage.stride : 1;
      const double out = stage.channels, area = side * side;
      side /= stride;
      const int block = blocks[at++];
      if (block == fbnet_skip) {
        if (stride != 1 || channels != out) sum += channels * out * side * side;
      } else {
        const Choice& choice = choices.at(static_cast<size_t>(block));
        const double inner = channels * choice.expansion;
        sum += channels * inner / choice.groups * area +
               inner * (choice.kernel * choice.kernel + out / choice.groups) * side * side;
      }
      channels = out;
    }
  }
  return sum + channels * last * side * side + last * classes;
}

}  // namespace betimes::systems::help
