// Operations that move data or only rename it.
#include <algorithm>
#include <limits>
#include <numeric>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

// dropout(x, p, training)
void dropout(const Call& call) {
  if (call.flag(2)) call.refuse("is in training mode", "module.eval()");
  identity(call);
}

void to_out_shape(const Call& call) { call.result(reshape_to_result(call)); }

std::string transposed(const Call& call, const Integers& order) {
  return call.add("Transpose", {call.tensor(0)}, {{"perm", order}});
}

void permute(const Call& call) {
  Integers order = call.integers(1);
  for (int64_t& axis : order) axis += axis < 0 ? call.rank(0) : 0;
  call.result(transposed(call, order));
}

void swap_axes(const Call& call, int64_t a, int64_t b) {
  Integers order(static_cast<size_t>(call.rank(0)));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  call.result(transposed(call, order));
}

void transpose(const Call& call) { swap_axes(call, call.axis(1), call.axis(2)); }

void matrix_transpose(const Call& call) {
  if (call.rank(0) < 2) return identity(call);
  swap_axes(call, 0, 1);
}

void concatenate(const Call& call) {
  const Shape first = call.shapes_of_list(0).at(0);
  int64_t axis = call.integer(1);
  if (axis < 0) axis += static_cast<int64_t>(first.size());
  call.result(call.add("Concat", call.tensors(0), {{"axis", axis}}));
}

void stack(const Call& call) {
  const int64_t given = call.integer(1);
  const int64_t axis = given < 0 ? given + static_cast<int64_t>(call.out_shape().size()) : given;
  const std::string axes = call.builder().constant(Integers{axis});
  std::vector<std::string> parts;
  for (const std::string& part : call.tensors(0)) {
    parts.push_back(call.add("Unsqueeze", {part, axes}));
  }
  call.result(call.add("Concat", parts, {{"axis", axis}}));
}

void unsqueeze(const Call& call) {
  call.result(
      call.add("Unsqueeze", {call.tensor(0), call.builder().constant(Integers{call.axis(1, 1)})}));
}

/// squeeze(x) drops every axis of extent 1, squeeze(x, axis) that one if its extent is 1.
void squeeze(const Call& call) {
  const Shape shape = call.shape(0);
  Integers axes;
  if (call.is_none(1)) {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) axes.push_back(static_cast<int64_t>(i));
    }
  } else if (shape[static_cast<size_t>(call.axis(1))] == 1) {
    axes.push_back(call.axis(1));
  }
  if (axes.empty()) return identity(call);
  call.result(call.add("Squeeze", {call.tensor(0), call.builder().constant(axes)}));
}

// slice(x, axis, start, end, step)
void slice(const Call& call) {
  const int64_t start = call.is_none(2) ? 0 : call.integer(2);
  const int64_t end = call.is_none(3) ? std::numeric_limits<int64_t>::max() : call.integer(3);
  const int64_t step = call.is_none(4) ? 1 : call.integer(4);
  // A slice of everything is what `x[...]` leaves behind.
  if (start == 0 && step == 1 && end == std::numeric_limits<int64_t>::max()) {
    return identity(call);
  }
  auto& builder = call.builder();
  call.result(call.add(
      "Slice", {call.tensor(0), builder.constant(Integers{start}), builder.constant(Integers{end}),
                builder.constant(Integers{call.axis(1)}), builder.constant(Integers{step})}));
}

std::string pick(const Call& call, int64_t axis, int64_t index) {
  const std::string position =
      call.builder().constant(at::scalar_tensor(index, at::TensorOptions().dtype(at::kLong)));
  return call.add("Gather", {call.tensor(0), position}, {{"axis", axis}});
}

void select(const Call& call) { call.result(pick(call, call.axis(1), call.integer(2))); }

// unbind(x, axis) -> list
void unbind(const Call& call) {
  std::vector<std::string> names;
  for (size_t i = 0; i < call.list_size(); ++i) {
    names.push_back(pick(call, call.axis(1), static_cast<int64_t>(i)));
  }
  call.results(names);
}

void split_into(const Call& call, const Integers& sizes, int64_t axis) {
  call.results(call.builder().add_many("Split", {call.tensor(0), call.builder().constant(sizes)},
                                       {{"axis", axis}}, call.list_size()));
}

/// Parts of `size`, the last one smaller where they don't fit.
void split_by(const Call& call, int64_t size, int64_t axis) {
  const int64_t extent = call.fixed_extent(0, axis);
  Integers sizes;
  for (int64_t at = 0; at < extent; at += size) sizes.push_back(std::min(size, extent - at));
  split_into(call, sizes, axis);
}

// chunk(x, parts, axis) -> list
void chunk(const Call& call) {
  const int64_t axis = call.axis(2);
  const int64_t extent = call.fixed_extent(0, axis);
  const int64_t parts = call.integer(1);
  split_by(call, (extent + parts - 1) / parts, axis);
}

// split(x, size or sizes, axis) -> list
void split(const Call& call) {
  if (call.is_number(1)) return split_by(call, call.integer(1), call.axis(2));
  split_into(call, call.integers(1), call.axis(2));
}

/// LibTorch lists pads from the last axis inwards as (before, after); ONNX all befores, all afters.
void add_pad(const Call& call, const std::string& mode, double value) {
  const Integers given = call.integers(1);
  const auto rank = static_cast<size_t>(call.rank(0));
  Integers pads(2 * rank, 0);
  for (size_t i = 0; i < given.size() / 2; ++i) {
    pads[rank - 1 - i] = given[2 * i];
    pads[2 * rank - 1 - i] = given[2 * i + 1];
  }
  std::vector<std::string> inputs = {call.tensor(0), call.builder().constant(pads)};
  if (mode == "constant") inputs.push_back(call.scalar(value));
  call.result(call.add("Pad", inputs, {{"mode", mode}}));
}

// pad(x, pads, mode, value)
void pad(const Call& call) {
  const std::string mode = call.text(2);
  if (mode == "constant") return add_pad(call, mode, call.is_none(3) ? 0.0 : call.real(3));
  if (mode == "reflect") return add_pad(call, mode, 0.0);
  if (mode == "replicate") return add_pad(call, "edge", 0.0);
  call.refuse("pads in mode " + mode, "constant, reflect or replicate");
}

/// Axes that stay are 1 in ONNX's shape, so that the batch stays open.
void expand(const Call& call) {
  Shape target = call.out_shape(), grows = call.out_growth();
  const Shape from = call.shape(0), from_grows = call.growth(0);
  if (from == target && from_grows == grows) return identity(call);
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t at = target.size() - from.size() + i;
    if (target[at] != from[i] || grows[at] != from_grows[i]) continue;
    target[at] = 1;
    grows[at] = 0;
  }
  call.result(call.add("Expand", {call.tensor(0), call.builder().extents(target, grows)}));
}

// repeat(x, times); further axes go in front
void repeat(const Call& call) {
  const Shape from = call.shape(0), out = call.out_shape();
  auto& builder = call.builder();
  std::string value = call.tensor(0);
  Integers front(out.size() - from.size());
  std::iota(front.begin(), front.end(), int64_t{0});
  if (!front.empty()) value = call.add("Unsqueeze", {value, builder.constant(front)});
  // Counted from the shapes: an axis repeated as often as there are examples grows with them.
  Shape counts = out, grows = call.out_growth();
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t before = i < front.size() ? 1 : from[i - front.size()];
    const int64_t growing = i < front.size() ? 0 : call.growth(0)[i - front.size()];
    if (growing == 0 && grows[i] % before != 0) call.refuse("repeats along the batch");
    counts[i] = out[i] / before;
    grows[i] = growing == 0 ? grows[i] / before : 0;
    if (growing != 0 && call.out_growth()[i] != counts[i] * growing) {
      call.refuse("repeats the batch by its own size", "batch = \"\"");
    }
  }
  call.result(call.add("Tile", {value, builder.extents(counts, grows)}));
}

// narrow(x, axis, start, length)
void narrow(const Call& call) {
  const int64_t axis = call.axis(1), start = call.integer(2);
  auto& builder = call.builder();
  call.result(call.add("Slice", {call.tensor(0), builder.constant(Integers{start}),
                                 builder.constant(Integers{start + call.integer(3)}),
                                 builder.constant(Integers{axis})}));
}

Integers axes_at(const Call& call, size_t i) {
  Integers axes = call.integers(i);
  for (int64_t& axis : axes) axis += axis < 0 ? call.rank(0) : 0;
  return axes;
}

// flip(x, axes): slices with step -1
void flip(const Call& call) {
  const Integers axes = axes_at(call, 1);
  auto& builder = call.builder();
  const Integers end(axes.size(), std::numeric_limits<int64_t>::min());
  const Integers back(axes.size(), -1);
  call.result(call.add("Slice", {call.tensor(0), builder.constant(back), builder.constant(end),
                                 builder.constant(axes), builder.constant(back)}));
}

// roll(x, shifts, axes): the end of each axis goes to its front
void roll(const Call& call) {
  const Integers shifts = call.integers(1), axes = axes_at(call, 2);
  if (axes.size() != shifts.size()) call.refuse("rolls the flattened tensor", "an axis a shift");
  auto& builder = call.builder();
  std::string value = call.tensor(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t extent = call.fixed_extent(0, axes[i]);
    const int64_t shift = ((shifts[i] % extent) + extent) % extent;
    if (shift == 0) continue;
    const auto parts =
        builder.add_many("Split", {value, builder.constant(Integers{extent - shift, shift})},
                         {{"axis", axes[i]}}, 2);
    value = call.add("Concat", {parts[1], parts[0]}, {{"axis", axes[i]}});
  }
  call.result(value);
}

// movedim(x, from, to)
void move_axes(const Call& call) {
  const Integers from = axes_at(call, 1), to = axes_at(call, 2);
  Integers order(static_cast<size_t>(call.rank(0)), -1), rest;
  for (size_t i = 0; i < from.size(); ++i) order[static_cast<size_t>(to[i])] = from[i];
  for (int64_t axis = 0; axis < call.rank(0); ++axis) {
    if (std::find(from.begin(), from.end(), axis) == from.end()) rest.push_back(axis);
  }
  auto next = rest.begin();
  for (int64_t& axis : order) {
    if (axis < 0) axis = *next++;
  }
  call.result(transposed(call, order));
}

// unfold(x, axis, size, step): windows, whose elements become the last axis
void unfold(const Call& call) {
  const int64_t axis = call.axis(1), size = call.integer(2), step = call.integer(3);
  const int64_t count = (call.fixed_extent(0, axis) - size) / step + 1;
  const at::Tensor places = at::arange(count).mul(step).unsqueeze(1) + at::arange(size);
  const std::string windows =
      call.add("Gather", {call.tensor(0), call.builder().constant(places)}, {{"axis", axis}});
  Integers order(static_cast<size_t>(call.rank(0) + 1));
  std::iota(order.begin(), order.end(), int64_t{0});
  order.erase(order.begin() + axis + 1);
  order.push_back(axis + 1);
  call.result(call.add("Transpose", {windows}, {{"perm", order}}));
}

/// zeros_like and all that make a tensor of one value: its shape is the result's.
std::function<void(const Call&)> filled(std::optional<double> value, size_t at = 0) {
  return [value, at](const Call& call) {
    const double number = value ? *value : call.real(at);
    call.result(call.add("Expand", {call.scalar(number, true), call.out_extents()}));
  };
}

// tril(x, diagonal), triu(x, diagonal)
std::function<void(const Call&)> triangle(bool upper) {
  return [upper](const Call& call) {
    const std::string diagonal = call.scalar_of(static_cast<double>(call.integer(1)), at::kLong);
    call.result(call.add("Trilu", {call.tensor(0), diagonal}, {{"upper", int64_t{upper}}}));
  };
}

/// [N, C, H, W] seen as [N, a, b, ...], axes reordered, and back to the result's shape.
void regroup(const Call& call, const Integers& seen, const Integers& order) {
  auto& builder = call.builder();
  Integers first = seen;
  first[0] = 0;  // the batch
  const std::string split = call.add("Reshape", {call.tensor(0), builder.constant(first)});
  const std::string moved = call.add("Transpose", {split}, {{"perm", order}});
  Shape target = call.out_shape();
  target[0] = 0;
  call.result(call.add("Reshape", {moved, builder.constant(target)}));
}

Shape image(const Call& call) {
  if (call.rank(0) != 4) call.refuse("has an input without batch axis", "[N, C, H, W]");
  for (int64_t axis = 1; axis < 4; ++axis) static_cast<void>(call.fixed_extent(0, axis));
  return call.shape(0);
}

// pixel_unshuffle(x, factor): ONNX's SpaceToDepth orders the channels otherwise
void pixel_unshuffle(const Call& call) {
  const Shape x = image(call);
  const int64_t r = call.integer(1);
  regroup(call, {x[0], x[1], x[2] / r, r, x[3] / r, r}, {0, 1, 3, 5, 2, 4});
}

// channel_shuffle(x, groups)
void channel_shuffle(const Call& call) {
  const Shape x = image(call);
  const int64_t groups = call.integer(1);
  regroup(call, {x[0], groups, x[1] / groups, x[2], x[3]}, {0, 2, 1, 3, 4});
}

void pixel_shuffle(const Call& call) {
  call.result(call.add("DepthToSpace", {call.tensor(0)},
                       {{"blocksize", call.integer(1)}, {"mode", "CRD"}}));
}

}  // namespace

std::span<const Lowering> shape_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::alias", identity},
      {"aten::broadcast_to", expand},
      {"aten::cat", concatenate},
      {"aten::channel_shuffle", channel_shuffle},
      {"aten::chunk", chunk},
      {"aten::clone", identity},
      {"aten::constant_pad_nd",
       [](const Call& call) { add_pad(call, "constant", call.is_none(2) ? 0.0 : call.real(2)); }},
      {"aten::contiguous", identity},
      {"aten::detach", identity},
      {"aten::dropout", dropout},
      {"aten::empty_like", filled(0.0)},  // written over, as in `1.0 - x`
      {"aten::expand", expand},
      {"aten::expand_as", expand},
      {"aten::feature_dropout", dropout},
      {"aten::flatten", to_out_shape},
      {"aten::flip", flip},
      {"aten::full_like", filled(std::nullopt, 1)},
      {"aten::mT", [](const Call& call) { swap_axes(call, call.rank(0) - 2, call.rank(0) - 1); }},
      {"aten::movedim", move_axes},
      {"aten::narrow", narrow},
      {"aten::new_full", filled(std::nullopt, 2)},
      {"aten::new_ones", filled(1.0)},
      {"aten::new_zeros", filled(0.0)},
      {"aten::ones_like", filled(1.0)},
      {"aten::pad", pad},
      {"aten::permute", permute},
      {"aten::pixel_shuffle", pixel_shuffle},
      {"aten::pixel_unshuffle", pixel_unshuffle},
      {"aten::reflection_pad1d", [](const Call& call) { add_pad(call, "reflect", 0.0); }},
      {"aten::reflection_pad2d", [](const Call& call) { add_pad(call, "reflect", 0.0); }},
      {"aten::repeat", repeat},
      {"aten::replication_pad1d", [](const Call& call) { add_pad(call, "edge", 0.0); }},
      {"aten::replication_pad2d", [](const Call& call) { add_pad(call, "edge", 0.0); }},
      {"aten::reshape", to_out_shape},
      {"aten::reshape_as", to_out_shape},
      {"aten::roll", roll},
      {"aten::select", select},
      {"aten::slice", slice},
      {"aten::split", split},
      {"aten::split_with_sizes", split},
      {"aten::squeeze", squeeze},
      {"aten::stack", stack},
      {"aten::t", matrix_transpose},
      {"aten::tile", repeat},
      {"aten::transpose", transpose},
      {"aten::tril", triangle(false)},
      {"aten::triu", triangle(true)},
      {"aten::unbind", unbind},
      {"aten::unflatten", to_out_shape},
      {"aten::unfold", unfold},
      {"aten::unsafe_chunk", chunk},
      {"aten::unsafe_split", split},
      {"aten::unsqueeze", unsqueeze},
      {"aten::view", to_out_shape},
      {"aten::view_as", to_out_shape},
      {"aten::zeros_like", filled(0.0)},
      {"aten::_unsafe_view", to_out_shape},
  };
  return list;
}

}  // namespace betimes::learn::detail
