// Convolutions.
#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

struct ConvOperands {
  Integers stride, pads, dilation, output_padding;
  int64_t groups = 1;
  bool transposed = false;
};

void add_convolution(const Call& call, const ConvOperands& c) {
  const Shape weight = call.shape(1);
  std::vector<std::string> inputs = {call.tensor(0), call.tensor(1)};
  if (!call.is_none(2)) inputs.push_back(call.tensor(2));
  Attributes attributes = {{"kernel_shape", Integers(weight.begin() + 2, weight.end())},
                           {"strides", c.stride},
                           {"pads", c.pads},
                           {"dilations", c.dilation},
                           {"group", c.groups}};
  if (c.transposed) attributes["output_padding"] = c.output_padding;
  call.result(call.add(c.transposed ? "ConvTranspose" : "Conv", inputs, attributes));
}

size_t spatial_axes(const Call& call) {
  if (call.rank(0) < 3 || call.rank(0) != call.rank(1)) {
    call.refuse("has an input without batch axis", "[N, C, ...]");
  }
  return static_cast<size_t>(call.rank(0) - 2);
}

// _convolution(x, w, b, stride, padding, dilation, transposed, output_padding, groups, ...)
void convolution(const Call& call) {
  const size_t axes = spatial_axes(call);
  add_convolution(call, {.stride = spread(call, 3, axes),
                         .pads = both_ends(spread(call, 4, axes)),
                         .dilation = spread(call, 5, axes),
                         .output_padding = spread(call, 7, axes),
                         .groups = call.integer(8),
                         .transposed = call.flag(6)});
}

// _convolution_mode(x, w, b, stride, "same" or "valid", dilation, groups)
void convolution_by_name(const Call& call) {
  const size_t axes = spatial_axes(call);
  const Shape weight = call.shape(1);
  const Integers dilation = spread(call, 5, axes);
  Integers before(axes, 0), after(axes, 0);
  if (call.text(4) == "same") {
    for (size_t i = 0; i < axes; ++i) {
      const int64_t total = dilation[i] * (weight[i + 2] - 1);
      before[i] = total / 2;
      after[i] = total - before[i];
    }
  }
  before.insert(before.end(), after.begin(), after.end());
  add_convolution(call, {.stride = spread(call, 3, axes),
                         .pads = before,
                         .dilation = dilation,
                         .output_padding = {},
                         .groups = call.integer(6),
                         .transposed = false});
}

}  // namespace

Integers spread(const Call& call, size_t i, size_t axes) {
  Integers values = call.integers(i);
  if (values.size() == 1) values.resize(axes, values[0]);
  if (values.size() != axes) call.refuse("operand " + std::to_string(i) + " has the wrong length");
  return values;
}

Integers both_ends(const Integers& padding) {
  Integers pads = padding;
  pads.insert(pads.end(), padding.begin(), padding.end());
  return pads;
}

std::span<const Lowering> convolution_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::_convolution", convolution},
      {"aten::_convolution_mode", convolution_by_name},
  };
  return list;
}

}  // namespace betimes::learn::detail
