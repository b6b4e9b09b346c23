#include "systems/search/mnasnet/own_space.h"

#include <fmt/format.h>

#include <array>

#include "betimes/base/error.h"

namespace betimes::systems::mnasnet {
namespace {

using search::Block;
using search::Operator;
using search::Skip;

constexpr int blocks = 3, stem = 12, most_layers = 3, divisor = 4;
constexpr std::array<int, blocks> widths = {12, 20, 32}, repeats = {1, 2, 2}, strides = {1, 2, 2};
/// x 0.75, 1, 1.25 to the nearest multiple of 4: MobileNetV2's rule would leave 12 no smaller one.
constexpr std::array<std::array<int, 3>, blocks> own_widths = {
    {{8, 12, 16}, {16, 20, 24}, {24, 32, 40}}};

enum Part { layers_part, width_part, op_part, kernel_part, squeeze_part, skip_part };
constexpr std::array<const char*, 6> part_names = {"layers", "width",   "op",
                                                   "kernel", "squeeze", "skip"};
constexpr std::array<int, 6> part_sizes = {3, 3, 4, 2, 2, 3};
enum Op { op_conv, op_separable, op_mbconv3, op_mbconv6 };
enum SkipChoice { skip_pool, skip_identity, skip_none };

/// Which decision each token is: of block `block` and, in the free space, its layer `layer`.
struct Place {
  int block = 0, layer = 0;
  Part part = layers_part;
};

std::vector<Place> places(Sharing sharing) {
  std::vector<Place> found;
  for (int b = 0; b < (sharing == Sharing::cell ? 1 : blocks); ++b) {
    found.push_back({b, 0, layers_part});
    found.push_back({b, 0, width_part});
    for (int l = 0; l < (sharing == Sharing::free ? most_layers : 1); ++l) {
      for (const Part part : {op_part, kernel_part, squeeze_part, skip_part}) {
        found.push_back({b, l, part});
      }
    }
  }
  return found;
}

/// What the tokens so far say; -1 for what they don't say yet.
class Choices {
 public:
  Choices(Sharing sharing, std::span<const int> tokens) : sharing_(sharing) {
    const std::vector<Place> all = places(sharing);
    for (size_t i = 0; i < tokens.size(); ++i) slot(all[i]) = tokens[i];
  }
  int get(int block, int layer, Part part) const {
    const bool per_layer = sharing_ == Sharing::free && part >= op_part;
    return values_[index(sharing_ == Sharing::cell ? 0 : block, per_layer ? layer : 0, part)];
  }
  int layers(int block) const {
    return repeats[static_cast<size_t>(block)] + get(block, 0, layers_part) - 1;
  }
  int width(int block) const {
    if (block < 0) return stem;
    const auto factor = static_cast<size_t>(get(block, 0, width_part));
    return own_widths[static_cast<size_t>(block)][factor];
  }

 private:
  static size_t index(int block, int layer, Part part) {
    return static_cast<size_t>((block * most_layers + layer) * 6 + part);
  }
  int& slot(const Place& place) { return values_[index(place.block, place.layer, place.part)]; }

  Sharing sharing_;
  std::array<int, static_cast<size_t>(blocks* most_layers * 6)> values_ = [] {
    std::array<int, static_cast<size_t>(blocks * most_layers * 6)> none{};
    none.fill(-1);
    return none;
  }();
};

/// Whether layer `layer` of the block changes its input's shape.
bool changes_shape(const Choices& choices, int block, int layer) {
  return layer == 0 && (strides[static_cast<size_t>(block)] != 1 ||
                        choices.width(block) != choices.width(block - 1));
}

bool skip_is_legal(const Choices& choices, Sharing sharing, int block, int layer, int skip) {
  if (skip == skip_none) return true;
  if (skip == skip_pool) return layer > 0 || choices.width(block) >= choices.width(block - 1);
  if (sharing == Sharing::free) {
    return layer >= choices.layers(block) || !changes_shape(choices, block, layer);
  }
  return choices.layers(block) > 1 || !changes_shape(choices, block, 0);
}

std::vector<bool> legal(Sharing sharing, const Place& place, const Choices& choices) {
  std::vector<bool> found(static_cast<size_t>(part_sizes[place.part]), true);
  const int last = sharing == Sharing::cell ? blocks - 1 : place.block;
  for (int b = place.block; b <= last; ++b) {
    if (place.part == layers_part && repeats[static_cast<size_t>(b)] == 1) found[0] = false;
    if (place.part == kernel_part && choices.get(b, place.layer, op_part) == op_conv) {
      found[1] = false;
    }
    if (place.part != skip_part) continue;
    for (int skip = 0; skip < 3; ++skip) {
      const bool good = skip_is_legal(choices, sharing, b, place.layer, skip);
      found[static_cast<size_t>(skip)] = found[static_cast<size_t>(skip)] && good;
    }
  }
  return found;
}

Block block_of(const Choices& choices, int block, int layer) {
  const int op = choices.get(block, layer, op_part);
  Block made;
  made.op = op == op_conv        ? Operator::conv
            : op == op_separable ? Operator::separable
                                 : Operator::mbconv;
  made.expansion = op == op_mbconv3 ? 3 : op == op_mbconv6 ? 6 : 1;
  made.kernel = choices.get(block, layer, kernel_part) == 0 ? 3 : 5;
  made.squeeze = choices.get(block, layer, squeeze_part) == 0 ? 0 : 0.25;
  const int skip = choices.get(block, layer, skip_part);
  made.skip = skip == skip_pool ? Skip::pool : skip == skip_identity ? Skip::identity : Skip::none;
  made.width = choices.width(block);
  made.stride = layer == 0 ? strides[static_cast<size_t>(block)] : 1;
  return made;
}

search::BlockNet frame() {
  search::BlockNet net;
  net.stem = stem;
  net.head = 128;
  return net;
}

}  // namespace

TokenSpace own_space(Sharing sharing) {
  TokenSpace space{std::string("three blocks, ") + name(sharing), {}, {}};
  const std::vector<Place> all = places(sharing);
  for (const Place& place : all) {
    space.tokens.push_back(
        {fmt::format("{}{}.{}", part_names[place.part], place.block, place.layer),
         part_sizes[place.part]});
  }
  space.legal = [sharing, all](std::span<const int> before) {
    return legal(sharing, all[before.size()], Choices(sharing, before));
  };
  return space;
}

search::BlockNet own_net(Sharing sharing, const Tokens& tokens) {
  own_space(sharing).check(tokens);
  const Choices choices(sharing, tokens);
  search::BlockNet net = frame();
  for (int b = 0; b < blocks; ++b) {
    const int count = choices.layers(b);
    if (sharing == Sharing::free) {
      for (int l = 0; l < count; ++l) net.blocks.push_back(block_of(choices, b, l));
    } else {
      net.blocks.push_back(block_of(choices, b, 0));
      net.blocks.back().repeats = count;
    }
  }
  return net;
}

search::BlockNet mobilenet_like(double width) {
  search::BlockNet net = frame();
  for (size_t b = 0; b < blocks; ++b) {
    net.blocks.push_back(
        {Operator::mbconv, 3, 6, 0, Skip::identity, widths[b], repeats[b], strides[b]});
  }
  return search::scaled(net, width, divisor);
}

}  // namespace betimes::systems::mnasnet
