// Pad (19): constant, reflect, edge, wrap; negative pads crop.
#include <algorithm>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

enum class PadMode { constant, reflect, edge, wrap };

PadMode pad_mode(const NodeContext& context) {
  const std::string mode = context.node.get("mode", "constant");
  if (mode == "constant") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "edge") return PadMode::edge;
  if (mode == "wrap") return PadMode::wrap;
  fail(context, "attribute 'mode' is " + mode, "constant, reflect, edge or wrap");
}

std::vector<int64_t> pads(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  std::vector<int64_t> amounts = context.integers(1, "the pads");
  if (amounts.size() != 2 * shape.size()) {
    fail(context, "has " + std::to_string(amounts.size()) + " pads",
         std::to_string(2 * shape.size()) + ", two for each axis");
  }
  const PadMode mode = pad_mode(context);
  for (size_t i = 0; i < amounts.size(); ++i) {
    const int64_t extent = shape[i % shape.size()];
    bounded(context, "a pad", amounts[i], -extent, int64_t{1} << 26);
    // Of no elements there is nothing to mirror or repeat, but none may be asked for.
    int64_t most = extent == 0 ? 0 : amounts[i];
    if (mode == PadMode::reflect && extent > 0) most = extent - 1;
    if (mode != PadMode::constant && amounts[i] > most) {
      fail(context, "pads " + std::to_string(extent) + " elements by " + std::to_string(amounts[i]),
           "at most " + std::to_string(most) + " in mode " + context.node.get("mode", "constant"));
    }
  }
  return amounts;
}

std::vector<TensorType> infer_pad(const NodeContext& context) {
  if (context.present(2)) {
    require_same_dtype(context, 2, 0);
    require_single(context, 2);
  }
  const std::vector<int64_t> amounts = pads(context);
  Shape shape = context.shape(0);
  for (size_t i = 0; i < shape.size(); ++i) {
    shape[i] += amounts[i] + amounts[shape.size() + i];
    if (shape[i] < 0) fail(context, "crops more elements than axis " + std::to_string(i) + " has");
  }
  return one(context.type(0).dtype, shape);
}

/// Where each output position along an axis is read from; -1: the constant.
std::vector<int64_t> sources(PadMode mode, int64_t before, int64_t extent, int64_t count) {
  std::vector<int64_t> from(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = i - before;
    if (at < 0 || at >= extent) {
      if (mode == PadMode::constant) at = -1;
      if (mode == PadMode::edge) at = std::clamp<int64_t>(at, 0, extent - 1);
      if (mode == PadMode::wrap) at = (at % extent + extent) % extent;
      if (mode == PadMode::reflect) at = at < 0 ? -at : 2 * (extent - 1) - at;
    }
    from[static_cast<size_t>(i)] = at;
  }
  return from;
}

struct Padding {
  size_t width;
  Strides steps;  // of the input, in bytes
  std::vector<std::vector<int64_t>> sources;

  /// Writes the block of axes from `axis` on, and returns what follows it.
  std::byte* fill(size_t axis, const std::byte* from, bool inside, const std::byte* value,
                  std::byte* to) const {
    if (axis == sources.size()) {
      std::memcpy(to, inside ? from : value, width);
      return to + width;
    }
    for (const int64_t source : sources[axis]) {
      const bool within = inside && source >= 0;
      to = fill(axis + 1, within ? from + source * steps[axis] : from, within, value, to);
    }
    return to;
  }
};

Evaluator prepare_pad(const NodeContext& context, std::span<const TensorType> outputs) {
  const TensorType& x = context.type(0);
  const std::vector<int64_t> amounts = pads(context);
  Padding padding{size_of(x.dtype), row_major(x.shape), {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    padding.steps[i] *= static_cast<int64_t>(padding.width);
    padding.sources.push_back(
        sources(pad_mode(context), amounts[i], x.shape[i], outputs[0].shape[i]));
  }
  return [padding](auto inputs, auto results) {
    constexpr std::array<std::byte, 8> zero{};
    const bool given = inputs.size() > 2 && inputs[2].data != nullptr;
    const std::byte* value = given ? inputs[2].template as<std::byte>() : zero.data();
    padding.fill(0, inputs[0].template as<std::byte>(), true, value,
                 results[0].template as<std::byte>());
  };
}

}  // namespace

void register_pad(OperatorRegistry& registry) {
  registry.add({.name = "Pad",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = {{"mode", AttributeKind::text}},
                .infer = infer_pad,
                .prepare = prepare_pad});
}

}  // namespace betimes::graph
