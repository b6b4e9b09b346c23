// Operations that move data or only rename it.
#include <algorithm>
#include <limits>
#include <numeric>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

void identity(const Call& call) { call.result(call.tensor(0)); }

// dropout(x, p, training)
void dropout(const Call& call) {
  if (call.flag(2)) call.refuse("is in training mode", "module.eval()");
  identity(call);
}

void to_out_shape(const Call& call) {
  call.result(reshape(call, call.tensor(0), call.shape(0), call.out_shape()));
}

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
  const int64_t extent = call.shape(0)[static_cast<size_t>(axis)];
  Integers sizes;
  for (int64_t at = 0; at < extent; at += size) sizes.push_back(std::min(size, extent - at));
  split_into(call, sizes, axis);
}

// chunk(x, parts, axis) -> list
void chunk(const Call& call) {
  const int64_t axis = call.axis(2);
  const int64_t extent = call.shape(0)[static_cast<size_t>(axis)];
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
  Shape target = call.out_shape();
  const Shape from = call.shape(0);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t& extent = target[target.size() - from.size() + i];
    if (extent == from[i]) extent = 1;
  }
  call.result(call.add("Expand", {call.tensor(0), call.builder().constant(target)}));
}

void repeat(const Call& call) {
  const Integers times = call.integers(1);
  if (static_cast<int64_t>(times.size()) != call.rank(0)) call.refuse("adds axes");
  call.result(call.add("Tile", {call.tensor(0), call.builder().constant(times)}));
}

void pixel_shuffle(const Call& call) {
  call.result(call.add("DepthToSpace", {call.tensor(0)},
                       {{"blocksize", call.integer(1)}, {"mode", "CRD"}}));
}

}  // namespace

std::span<const Lowering> shape_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::alias", identity},
      {"aten::cat", concatenate},
      {"aten::chunk", chunk},
      {"aten::clone", identity},
      {"aten::constant_pad_nd",
       [](const Call& call) { add_pad(call, "constant", call.is_none(2) ? 0.0 : call.real(2)); }},
      {"aten::contiguous", identity},
      {"aten::detach", identity},
      {"aten::dropout", dropout},
      {"aten::expand", expand},
      {"aten::feature_dropout", dropout},
      {"aten::flatten", to_out_shape},
      {"aten::pad", pad},
      {"aten::permute", permute},
      {"aten::pixel_shuffle", pixel_shuffle},
      {"aten::reflection_pad2d", [](const Call& call) { add_pad(call, "reflect", 0.0); }},
      {"aten::repeat", repeat},
      {"aten::replication_pad2d", [](const Call& call) { add_pad(call, "edge", 0.0); }},
      {"aten::reshape", to_out_shape},
      {"aten::select", select},
      {"aten::slice", slice},
      {"aten::split", split},
      {"aten::split_with_sizes", split},
      {"aten::squeeze", squeeze},
      {"aten::stack", stack},
      {"aten::t", matrix_transpose},
      {"aten::transpose", transpose},
      {"aten::unbind", unbind},
      {"aten::unflatten", to_out_shape},
      {"aten::unsqueeze", unsqueeze},
      {"aten::view", to_out_shape},
      {"aten::_unsafe_view", to_out_shape},
  };
  return list;
}

}  // namespace betimes::learn::detail
