// Operators that give the same elements another shape, or none at all: Reshape (14), Flatten (13),
// Squeeze and Unsqueeze (13), Identity (16), Dropout (13, inference).
#include <algorithm>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

Evaluator prepare_copy(const NodeContext&, std::span<const TensorType> outputs) {
  return [bytes = byte_size(outputs[0])](auto inputs, auto results) {
    if (bytes) std::memcpy(results[0].data, inputs[0].data, bytes);
  };
}

std::vector<TensorType> infer_reshape(const NodeContext& context) {
  const Shape& from = context.shape(0);
  const bool keep_zero = flag(context, "allowzero", false);
  const std::vector<int64_t> wanted = context.integers(1, "the shape");
  const auto refuse = [&] {
    fail(context, "cannot view " + to_string(from) + " as " + to_string(wanted),
         "equally many elements");
  };
  Shape to;
  size_t open = wanted.size();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool copied = wanted[i] == 0 && !keep_zero;
    if (wanted[i] < -1 || (wanted[i] == -1 && open < wanted.size())) refuse();
    if (copied && i >= from.size()) refuse();
    if (wanted[i] == -1) open = i;
    to.push_back(copied ? from[i] : wanted[i] == -1 ? 1 : wanted[i]);
  }
  check_size(describe(context.node), {context.type(0).dtype, to});  // before counts overflow
  const int64_t count = element_count(from);
  const int64_t rest = element_count(to);
  if (open < to.size()) {
    if (rest == 0 || count % rest != 0) refuse();
    to[open] = count / rest;
  }
  if (element_count(to) != count) refuse();
  return one(context.type(0).dtype, to);
}

std::vector<TensorType> infer_flatten(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t axis = context.node.get("axis", int64_t{1});
  bounded(context, "attribute 'axis'", axis, -rank, rank);
  const auto split = shape.begin() + (axis < 0 ? axis + rank : axis);
  return one(context.type(0).dtype,
             {element_count({shape.begin(), split}), element_count({split, shape.end()})});
}

std::vector<TensorType> infer_squeeze(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  std::vector<size_t> axes;
  if (context.present(1)) {
    axes = normalized_axes(context, context.integers(1, "the axes"), shape.size());
  } else {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) axes.push_back(i);
    }
  }
  Shape result;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      result.push_back(shape[i]);
    } else if (shape[i] != 1) {
      fail(context, "axis " + std::to_string(i) + " of " + to_string(shape) + " isn't 1");
    }
  }
  return one(context.type(0).dtype, result);
}

std::vector<TensorType> infer_unsqueeze(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const std::vector<int64_t> wanted = context.integers(1, "the axes");
  const size_t rank = shape.size() + wanted.size();
  const std::vector<size_t> axes = normalized_axes(context, wanted, rank);
  Shape result;
  for (size_t i = 0, from = 0; i < rank; ++i) {
    const bool added = std::binary_search(axes.begin(), axes.end(), i);
    result.push_back(added ? 1 : shape[from++]);
  }
  return one(context.type(0).dtype, result);
}

std::vector<TensorType> infer_dropout(const NodeContext& context) {
  if (context.present(2)) {
    const Tensor& training = context.constant(2, "training_mode");
    require_single(context, 2);
    if (first_value(training) != 0) fail(context, "training_mode isn't supported", "false");
  }
  return {context.type(0), {DType::boolean, context.shape(0)}};
}

Evaluator prepare_dropout(const NodeContext& context, std::span<const TensorType> outputs) {
  return [copy = prepare_copy(context, outputs), count = element_count(outputs[0].shape)](
             auto inputs, auto results) {
    copy(inputs, results);
    if (results.size() > 1) std::fill_n(results[1].template as<bool>(), count, true);
  };
}

}  // namespace

void register_reshape(OperatorRegistry& registry) {
  registry.add({.name = "Reshape",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"allowzero", AttributeKind::integer}},
                .infer = infer_reshape,
                .prepare = prepare_copy});
  registry.add({.name = "Flatten",
                .attributes = {{"axis", AttributeKind::integer}},
                .infer = infer_flatten,
                .prepare = prepare_copy});
  registry.add(
      {.name = "Squeeze", .max_inputs = 2, .infer = infer_squeeze, .prepare = prepare_copy});
  registry.add({.name = "Unsqueeze",
                .min_inputs = 2,
                .max_inputs = 2,
                .infer = infer_unsqueeze,
                .prepare = prepare_copy});
  registry.add({.name = "Identity", .infer = same_as_input, .prepare = prepare_copy});
  registry.add({.name = "Dropout",
                .max_inputs = 3,
                .max_outputs = 2,
                .attributes = {{"seed", AttributeKind::integer}},
                .infer = infer_dropout,
                .prepare = prepare_dropout});
}

}  // namespace betimes::graph
