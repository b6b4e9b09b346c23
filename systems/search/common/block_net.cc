#include "systems/search/common/block_net.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::search {
namespace {

constexpr int most_channels = 1 << 16, most_repeats = 1 << 10, most_resolution = 1 << 14;

void check(bool holds, size_t block, const std::string& what, const std::string& expected) {
  if (!holds) throw Error(fmt::format("block {}", block), what, expected);
}

void check_block(const Block& block, size_t i) {
  check(block.kernel >= 1 && block.kernel <= 31 && block.kernel % 2 == 1, i,
        fmt::format("has a kernel of {}", block.kernel), "an odd number up to 31");
  check(block.width >= 1 && block.width <= most_channels, i,
        fmt::format("has a width of {}", block.width), "1 to 65536");
  check(block.repeats >= 1 && block.repeats <= most_repeats, i,
        fmt::format("is repeated {} times", block.repeats), "1 to 1024");
  check(block.stride == 1 || block.stride == 2, i, fmt::format("has a stride of {}", block.stride),
        "1 or 2");
  check(block.expansion >= 1 && block.expansion <= 64, i,
        fmt::format("has an expansion of {}", block.expansion), "1 to 64");
  check(block.squeeze >= 0 && block.squeeze <= 1, i,
        fmt::format("has a squeeze ratio of {}", block.squeeze), "0 to 1");
  check(block.op != Operator::classifier, i, "is a classifier", "an operator that keeps an image");
}

Layer layer_of(const Block& block, int in, int resolution, int stride, bool relu6, size_t i) {
  Layer layer{block.op, in, block.width,   resolution, block.kernel,
              stride,   1,  block.squeeze, block.skip, relu6};
  if (block.op == Operator::mbconv) layer.expansion = block.expansion;
  if (block.op == Operator::pointwise || block.op == Operator::zero) layer.kernel = 1;
  const bool same = stride == 1 && in == block.width;
  if (layer.skip == Skip::identity && !same) layer.skip = Skip::none;
  check(layer.op != Operator::zero || same, i, "is zero and changes the shape",
        "stride 1 and equal widths");
  check(layer.skip != Skip::pool || layer.out >= layer.in, i, "pools its skip into fewer channels",
        "a width that isn't less than the input's");
  if (layer.op == Operator::zero) {
    layer.skip = Skip::none;
    layer.squeeze = 0;
  }
  return layer;
}

int64_t area(const Layer& layer) {
  return int64_t{layer.out_resolution()} * layer.out_resolution();
}

/// Weights of the two 1 x 1 layers of squeeze-and-excitation.
int64_t squeeze_weights(const Layer& layer, int64_t channels) {
  return 2 * channels * layer.squeeze_channels();
}

}  // namespace

const char* name(Operator op) {
  switch (op) {
    case Operator::conv:
      return "conv";
    case Operator::separable:
      return "separable";
    case Operator::mbconv:
      return "mbconv";
    case Operator::pointwise:
      return "pointwise";
    case Operator::classifier:
      return "classifier";
    case Operator::zero:
      return "zero";
  }
  return "?";
}

const char* name(Skip skip) {
  switch (skip) {
    case Skip::none:
      return "none";
    case Skip::identity:
      return "identity";
    case Skip::pool:
      return "pool";
  }
  return "?";
}

int Layer::middle() const {
  if (op == Operator::mbconv) return in * expansion;
  return op == Operator::separable ? in : out;
}

int Layer::squeeze_channels() const {
  return squeeze > 0 ? std::max(1, static_cast<int>(in * squeeze)) : 0;
}

std::vector<Layer> layers(const BlockNet& net) {
  if (net.channels < 1 || net.channels > most_channels || net.stem < 1 ||
      net.stem > most_channels || net.stem_stride < 1 || net.stem_stride > 2 || net.head < 0 ||
      net.head > most_channels || net.classes < 1 || net.classes > most_channels ||
      net.resolution < 1 || net.resolution > most_resolution) {
    throw Error("network", "has an impossible input, stem or head");
  }
  std::vector<Layer> found = {{Operator::conv, net.channels, net.stem, net.resolution, 3,
                               net.stem_stride, 1, 0, Skip::none, net.relu6}};
  for (size_t i = 0; i < net.blocks.size(); ++i) {
    check_block(net.blocks[i], i);
    for (int r = 0; r < net.blocks[i].repeats; ++r) {
      const Layer& before = found.back();
      found.push_back(layer_of(net.blocks[i], before.out, before.out_resolution(),
                               r == 0 ? net.blocks[i].stride : 1, net.relu6, i));
    }
  }
  const auto append = [&](Operator op, int out) {
    const Layer& before = found.back();
    const bool relu6 = op == Operator::pointwise && net.relu6;
    found.push_back({op, before.out, out, before.out_resolution(), 1, 1, 1, 0, Skip::none, relu6});
  };
  if (net.head > 0) append(Operator::pointwise, net.head);
  append(Operator::classifier, net.classes);
  return found;
}

std::string key(const Layer& layer) {
  return fmt::format("{} i{} o{} r{} k{} s{} e{} se{} {}{}", name(layer.op), layer.in, layer.out,
                     layer.resolution, layer.kernel, layer.stride, layer.expansion, layer.squeeze,
                     name(layer.skip), layer.relu6 ? " relu6" : "");
}

int64_t macs(const Layer& layer) {
  const int64_t in = layer.in, out = layer.out, middle = layer.middle();
  const int64_t window = int64_t{layer.kernel} * layer.kernel;
  const int64_t before = int64_t{layer.resolution} * layer.resolution, after = area(layer);
  switch (layer.op) {
    case Operator::conv:
      return window * in * out * after + squeeze_weights(layer, out);
    case Operator::separable:
      return (window * in + in * out) * after + squeeze_weights(layer, middle);
    case Operator::mbconv: {
      const int64_t expand = layer.expansion > 1 ? in * middle * before : 0;
      return expand + (window * middle + middle * out) * after + squeeze_weights(layer, middle);
    }
    case Operator::pointwise:
      return in * out * after;
    case Operator::classifier:
      return in * out;
    case Operator::zero:
      return 0;
  }
  return 0;
}

int64_t parameters(const Layer& layer) {
  const int64_t in = layer.in, out = layer.out, middle = layer.middle();
  const int64_t window = int64_t{layer.kernel} * layer.kernel;
  const int64_t squeeze = layer.squeeze_channels() == 0
                              ? 0
                              : squeeze_weights(layer, middle) + layer.squeeze_channels() + middle;
  switch (layer.op) {
    case Operator::conv:
      return window * in * out + 2 * out + squeeze;
    case Operator::separable:
      return (window + 2) * in + (in + 2) * out + squeeze;
    case Operator::mbconv: {
      const int64_t expand = layer.expansion > 1 ? (in + 2) * middle : 0;
      return expand + (window + 2) * middle + (middle + 2) * out + squeeze;
    }
    case Operator::pointwise:
      return in * out + 2 * out;
    case Operator::classifier:
      return in * out + out;
    case Operator::zero:
      return 0;
  }
  return 0;
}

int64_t macs(const BlockNet& net) {
  int64_t sum = 0;
  for (const Layer& layer : layers(net)) sum += macs(layer);
  return sum;
}

int64_t parameters(const BlockNet& net) {
  int64_t sum = 0;
  for (const Layer& layer : layers(net)) sum += parameters(layer);
  return sum;
}

int rounded_width(double value, int divisor) {
  int rounded = std::max(divisor, static_cast<int>(value + divisor / 2.0) / divisor * divisor);
  if (rounded < 0.9 * value) rounded += divisor;
  return rounded;
}

BlockNet scaled(const BlockNet& net, double width, int divisor) {
  if (!(width > 0) || width > 64 || divisor < 1) {
    throw Error("width", fmt::format("{} in multiples of {} can't be had", width, divisor));
  }
  BlockNet found = net;
  found.stem = rounded_width(net.stem * width, divisor);
  if (net.head > 0) found.head = rounded_width(net.head * width, divisor);
  for (Block& block : found.blocks) block.width = rounded_width(block.width * width, divisor);
  return found;
}

std::string describe(const BlockNet& net) {
  std::string text;
  for (const Block& block : net.blocks) {
    if (!text.empty()) text += ", ";
    if (block.op == Operator::zero) {
      text += "zero";
      continue;
    }
    text += block.op == Operator::mbconv ? fmt::format("k{} e{}", block.kernel, block.expansion)
                                         : fmt::format("{} k{}", name(block.op), block.kernel);
    text += fmt::format(" w{}", block.width);
    if (block.repeats > 1) text += fmt::format(" x{}", block.repeats);
    if (block.stride > 1) text += fmt::format(" s{}", block.stride);
    if (block.squeeze > 0) text += fmt::format(" se{}", block.squeeze);
    if (block.skip != Skip::identity) text += fmt::format(" skip:{}", name(block.skip));
  }
  return text;
}

}  // namespace betimes::systems::search
