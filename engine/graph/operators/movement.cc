// Operators that place elements elsewhere: Transpose (13), Expand (13), Tile (13), Concat (13),
// Split (13), DepthToSpace (13), SpaceToDepth (13).
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// One strided copy from input 0 to output 0.
Evaluator copy_once(const StridedCopy& copy) {
  return [copy](auto inputs, auto outputs) { copy(inputs[0].data, outputs[0].data); };
}

std::vector<size_t> permutation(const NodeContext& context) {
  const size_t rank = context.shape(0).size();
  std::vector<int64_t> order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(rank - 1 - i);
  order = context.node.get("perm", order);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != rank || sorted[i] != static_cast<int64_t>(i)) {
      fail(context, "attribute 'perm' is " + to_string(order),
           "a permutation of " + std::to_string(rank) + " axes");
    }
  }
  if (order.size() != rank) fail(context, "attribute 'perm' is empty");
  return {order.begin(), order.end()};
}

std::vector<TensorType> infer_transpose(const NodeContext& context) {
  Shape shape;
  for (const size_t axis : permutation(context)) shape.push_back(context.shape(0)[axis]);
  return one(context.type(0).dtype, shape);
}

Evaluator prepare_transpose(const NodeContext& context, std::span<const TensorType> outputs) {
  const Strides from = row_major(context.shape(0));
  Strides strides;
  for (const size_t axis : permutation(context)) strides.push_back(from[axis]);
  const Shape& shape = outputs[0].shape;
  return copy_once({outputs[0].dtype, shape, {strides}, {row_major(shape)}});
}

std::vector<TensorType> infer_expand(const NodeContext& context) {
  const std::vector<int64_t> wanted = context.integers(1, "the shape");
  for (const int64_t extent : wanted) {
    bounded(context, "an extent of the shape", extent, 0, int64_t{1} << 40);
  }
  const TensorType other{DType::i64, wanted};
  const TensorType* types[] = {&context.type(0), &other};
  return one(context.type(0).dtype, broadcast_shape({context.node, types, {}}));
}

Evaluator prepare_expand(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape& shape = outputs[0].shape;
  return copy_once(
      {outputs[0].dtype, shape, {broadcast_strides(context.shape(0), shape)}, {row_major(shape)}});
}

std::vector<int64_t> repeats(const NodeContext& context) {
  std::vector<int64_t> counts = context.integers(1, "the repeats");
  if (counts.size() != context.shape(0).size()) {
    fail(context, "has " + std::to_string(counts.size()) + " repeats",
         std::to_string(context.shape(0).size()) + ", one for each axis");
  }
  return counts;
}

std::vector<TensorType> infer_tile(const NodeContext& context) {
  const std::vector<int64_t> counts = repeats(context);
  Shape shape = context.shape(0);
  for (size_t i = 0; i < shape.size(); ++i) {
    // Extents are below 2^33, see max_value_bytes: no overflow.
    shape[i] *= bounded(context, "a repeat", counts[i], 0, int64_t{1} << 30);
  }
  return one(context.type(0).dtype, shape);
}

Evaluator prepare_tile(const NodeContext& context, std::span<const TensorType> outputs) {
  const std::vector<int64_t> counts = repeats(context);
  const Shape& shape = context.shape(0);
  const Strides steps = row_major(shape);
  Shape extents;
  Strides from;
  for (size_t i = 0; i < shape.size(); ++i) {
    extents.insert(extents.end(), {counts[i], shape[i]});
    from.insert(from.end(), {0, steps[i]});
  }
  return copy_once({outputs[0].dtype, extents, {from}, {row_major(extents)}});
}

size_t required_axis(const NodeContext& context) {
  if (!context.node.has("axis")) fail(context, "attribute 'axis' is missing");
  return normalized_axis(context, context.node.get("axis", int64_t{0}), context.shape(0).size());
}

std::vector<TensorType> infer_concat(const NodeContext& context) {
  const size_t axis = required_axis(context);
  TensorType result = context.type(0);
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    require_same_dtype(context, i, 0);
    Shape wanted = result.shape;
    const Shape& shape = context.shape(i);
    if (shape.size() == wanted.size()) wanted[axis] = shape[axis];
    if (shape != wanted) {
      fail(context, found_input(context, i),
           to_string(context.shape(0)) + " in all axes but " + std::to_string(axis));
    }
    result.shape[axis] += shape[axis];
  }
  return {result};
}

Evaluator prepare_concat(const NodeContext& context, std::span<const TensorType> outputs) {
  const size_t axis = required_axis(context);
  const Strides to = row_major(outputs[0].shape);
  std::vector<StridedCopy> copies;
  int64_t at = 0;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    const Shape& shape = context.shape(i);
    copies.push_back(
        {outputs[0].dtype, shape, {row_major(shape)}, {to, at * (to.empty() ? 0 : to[axis])}});
    at += shape[axis];
  }
  return [copies](auto inputs, auto results) {
    for (size_t i = 0; i < copies.size(); ++i) copies[i](inputs[i].data, results[0].data);
  };
}

std::vector<int64_t> split_sizes(const NodeContext& context, int64_t extent) {
  const auto parts = static_cast<int64_t>(context.node.outputs.size());
  if (!context.present(1)) {
    if (extent % parts != 0) {
      fail(context, "cannot split " + std::to_string(extent) + " elements into " +
                        std::to_string(parts) + " equal parts");
    }
    return std::vector<int64_t>(static_cast<size_t>(parts), extent / parts);
  }
  std::vector<int64_t> sizes = context.integers(1, "the split");
  int64_t sum = 0;
  for (const int64_t size : sizes) sum += bounded(context, "a part", size, 0, extent);
  if (static_cast<int64_t>(sizes.size()) != parts || sum != extent) {
    fail(context, "splits into " + to_string(sizes),
         std::to_string(parts) + " parts that add up to " + std::to_string(extent));
  }
  return sizes;
}

size_t split_axis(const NodeContext& context) {
  return normalized_axis(context, context.node.get("axis", int64_t{0}), context.shape(0).size());
}

std::vector<TensorType> infer_split(const NodeContext& context) {
  const size_t axis = split_axis(context);
  std::vector<TensorType> result;
  for (const int64_t size : split_sizes(context, context.shape(0)[axis])) {
    result.push_back(context.type(0));
    result.back().shape[axis] = size;
  }
  return result;
}

Evaluator prepare_split(const NodeContext& context, std::span<const TensorType> outputs) {
  const size_t axis = split_axis(context);
  const Strides from = row_major(context.shape(0));
  std::vector<StridedCopy> copies;
  int64_t at = 0;
  for (const TensorType& part : outputs) {
    copies.push_back({part.dtype, part.shape, {from, at * from[axis]}, {row_major(part.shape)}});
    at += part.shape[axis];
  }
  return [copies](auto inputs, auto results) {
    for (size_t i = 0; i < copies.size(); ++i) {
      if (results[i].data) copies[i](inputs[0].data, results[i].data);
    }
  };
}

/// Shared by DepthToSpace and SpaceToDepth: the input seen as `extents`, its axes taken in `order`.
Evaluator rearrange(DType dtype, const Shape& extents, const std::vector<size_t>& order) {
  const Strides from = row_major(extents);
  Shape shape;
  Strides strides;
  for (const size_t axis : order) {
    shape.push_back(extents[axis]);
    strides.push_back(from[axis]);
  }
  return copy_once({dtype, shape, {strides}, {row_major(shape)}});
}

int64_t block_size(const NodeContext& context) {
  require_rank(context, 0, 4, 4);
  if (!context.node.has("blocksize")) fail(context, "attribute 'blocksize' is missing");
  return bounded(context, "attribute 'blocksize'", context.node.get("blocksize", int64_t{1}), 1,
                 1 << 15);
}

bool columns_first(const NodeContext& context) {
  const std::string mode = context.node.get("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") fail(context, "attribute 'mode' is " + mode, "DCR or CRD");
  return mode == "CRD";
}

std::vector<TensorType> infer_depth_to_space(const NodeContext& context) {
  columns_first(context);
  const int64_t b = block_size(context);
  const Shape& x = context.shape(0);
  if (x[1] % (b * b) != 0) {
    fail(context, found_input(context, 0), "a multiple of " + std::to_string(b * b) + " channels");
  }
  return one(context.type(0).dtype, {x[0], x[1] / (b * b), x[2] * b, x[3] * b});
}

Evaluator prepare_depth_to_space(const NodeContext& context, std::span<const TensorType>) {
  const int64_t b = block_size(context);
  const TensorType& x = context.type(0);
  const int64_t depth = x.shape[1] / (b * b);
  if (columns_first(context)) {
    return rearrange(x.dtype, {x.shape[0], depth, b, b, x.shape[2], x.shape[3]},
                     {0, 1, 4, 2, 5, 3});
  }
  return rearrange(x.dtype, {x.shape[0], b, b, depth, x.shape[2], x.shape[3]}, {0, 3, 4, 1, 5, 2});
}

std::vector<TensorType> infer_space_to_depth(const NodeContext& context) {
  const int64_t b = block_size(context);
  const Shape& x = context.shape(0);
  if (x[2] % b != 0 || x[3] % b != 0) {
    fail(context, found_input(context, 0),
         "height and width that are multiples of " + std::to_string(b));
  }
  return one(context.type(0).dtype, {x[0], x[1] * b * b, x[2] / b, x[3] / b});
}

Evaluator prepare_space_to_depth(const NodeContext& context, std::span<const TensorType>) {
  const int64_t b = block_size(context);
  const TensorType& x = context.type(0);
  return rearrange(x.dtype, {x.shape[0], x.shape[1], x.shape[2] / b, b, x.shape[3] / b, b},
                   {0, 3, 5, 1, 2, 4});
}

}  // namespace

void register_movement(OperatorRegistry& registry) {
  registry.add({.name = "Transpose",
                .attributes = {{"perm", AttributeKind::integers}},
                .infer = infer_transpose,
                .prepare = prepare_transpose});
  registry.add({.name = "Expand",
                .min_inputs = 2,
                .max_inputs = 2,
                .infer = infer_expand,
                .prepare = prepare_expand});
  registry.add({.name = "Tile",
                .min_inputs = 2,
                .max_inputs = 2,
                .infer = infer_tile,
                .prepare = prepare_tile});
  registry.add({.name = "Concat",
                .max_inputs = -1,
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_concat,
                .prepare = prepare_concat});
  registry.add({.name = "Split",
                .max_inputs = 2,
                .max_outputs = -1,
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_split,
                .prepare = prepare_split});
  registry.add(
      {.name = "DepthToSpace",
       .attributes = {{"blocksize", AttributeKind::integer}, {"mode", AttributeKind::text}},
       .infer = infer_depth_to_space,
       .prepare = prepare_depth_to_space});
  registry.add({.name = "SpaceToDepth",
                .attributes = {{"blocksize", AttributeKind::integer}},
                .infer = infer_space_to_depth,
                .prepare = prepare_space_to_depth});
}

}  // namespace betimes::graph
