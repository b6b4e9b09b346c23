// Shapes as values: Shape (15), Size (13), ConstantOfShape (9), Range (11).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "betimes/base/error.h"
#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

constexpr int64_t far = int64_t{1} << 40;  // beyond every extent; sums of it don't overflow

Shape selected_extents(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  const auto rank = static_cast<int64_t>(shape.size());
  const auto place = [&](int64_t axis) {
    axis = std::clamp(axis, -far, far);
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const int64_t start = place(context.node.get("start", int64_t{0}));
  const int64_t end = std::max(start, place(context.node.get("end", far)));
  return {shape.begin() + start, shape.begin() + end};
}

std::vector<TensorType> infer_shape(const NodeContext& context) {
  return one(DType::i64, {static_cast<int64_t>(selected_extents(context).size())});
}

Evaluator prepare_shape(const NodeContext& context, std::span<const TensorType>) {
  return [extents = selected_extents(context)](auto, auto outputs) {
    std::copy(extents.begin(), extents.end(), outputs[0].template as<int64_t>());
  };
}

std::vector<TensorType> infer_size(const NodeContext&) { return one(DType::i64, {}); }

Evaluator prepare_size(const NodeContext& context, std::span<const TensorType>) {
  return [count = element_count(context.shape(0))](auto, auto outputs) {
    *outputs[0].template as<int64_t>() = count;
  };
}

Tensor fill_value(const NodeContext& context) {
  const auto it = context.node.attributes.find("value");
  if (it == context.node.attributes.end()) return Tensor::scalar(0.0f);
  const Tensor& value = std::get<Tensor>(it->second);
  if (value.size() != 1) {
    fail(context, "attribute 'value' is " + to_string(value.type()), "one element");
  }
  return value;
}

std::vector<TensorType> infer_constant_of_shape(const NodeContext& context) {
  return one(fill_value(context).dtype(), context.integers(0, "the shape"));
}

Evaluator prepare_constant_of_shape(const NodeContext& context,
                                    std::span<const TensorType> outputs) {
  return
      [value = fill_value(context), count = element_count(outputs[0].shape)](auto, auto results) {
        const size_t width = value.bytes();
        auto* to = results[0].template as<std::byte>();
        for (int64_t i = 0; i < count; ++i, to += width) std::memcpy(to, value.raw(), width);
      };
}

using Ranged = Types<float, double, int16_t, int32_t, int64_t>;

template <class T>
double range_count(T start, T limit, T delta) {
  if constexpr (std::is_integral_v<T>) {
    // Unsigned differences: the signed ones may overflow.
    const auto distance = [](T from, T to) {
      return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
    };
    if (delta > 0 ? limit <= start : limit >= start) return 0;
    const uint64_t length = delta > 0 ? distance(start, limit) : distance(limit, start);
    const uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : distance(delta, T{0});
    const uint64_t count = (length - 1) / step + 1;
    return static_cast<double>(count);
  } else {
    const double count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                                   static_cast<double>(delta));
    return count < 0 ? 0 : count;  // NaN stays, and is refused
  }
}

std::vector<TensorType> infer_range(const NodeContext& context) {
  const char* names[] = {"start", "limit", "delta"};
  for (size_t i = 0; i < 3; ++i) {
    require_same_dtype(context, i, 0);
    require_single(context, i);
    context.constant(i, names[i]);
  }
  const DType dtype = context.type(0).dtype;
  const double count = Ranged::dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto value = [&](size_t i) { return context.constants[i]->data<T>()[0]; };
    if (value(2) == T{}) fail(context, "delta is 0");
    return range_count(value(0), value(1), value(2));
  });
  if (!(count < static_cast<double>(max_value_bytes))) {
    fail(context, "has too many elements or a bound that isn't a number");
  }
  return one(dtype, {static_cast<int64_t>(count)});
}

Evaluator prepare_range(const NodeContext& context, std::span<const TensorType> outputs) {
  return Ranged::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [count = element_count(outputs[0].shape)](auto inputs, auto results) {
      using W = Wrapping<T>;
      const auto start = static_cast<W>(*inputs[0].template as<T>());
      const auto delta = static_cast<W>(*inputs[2].template as<T>());
      for (int64_t i = 0; i < count; ++i) {
        results[0].template as<T>()[i] = static_cast<T>(start + static_cast<W>(i) * delta);
      }
    };
  });
}

}  // namespace

void register_shape(OperatorRegistry& registry) {
  registry.add({.name = "Shape",
                .attributes = {{"end", AttributeKind::integer}, {"start", AttributeKind::integer}},
                .infer = infer_shape,
                .prepare = prepare_shape});
  registry.add({.name = "Size", .infer = infer_size, .prepare = prepare_size});
  registry.add({.name = "ConstantOfShape",
                .attributes = {{"value", AttributeKind::tensor}},
                .types = {DType::i64},
                .infer = infer_constant_of_shape,
                .prepare = prepare_constant_of_shape});
  registry.add({.name = "Range",
                .min_inputs = 3,
                .max_inputs = 3,
                .types = Ranged::list(),
                .infer = infer_range,
                .prepare = prepare_range});
}

}  // namespace betimes::graph
