// Unique (11).
#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

using All = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t, bool>;

/// The slices that are compared: slice i has `outer` runs of `inner` elements. Without an axis each
/// element is a slice.
struct Slices {
  int64_t count = 1;
  int64_t outer = 1;
  int64_t inner = 1;
  std::optional<size_t> axis;

  explicit Slices(const NodeContext& context) {
    const Shape& shape = context.shape(0);
    if (!context.node.has("axis")) {
      count = element_count(shape);
      return;
    }
    axis = normalized_axis(context, context.node.get("axis", int64_t{0}), shape.size());
    const auto at = shape.begin() + static_cast<std::ptrdiff_t>(*axis);
    outer = element_count({shape.begin(), at});
    count = *at;
    inner = element_count({at + 1, shape.end()});
  }
};

/// -1, 0 or 1. NaN is the same as NaN and above all numbers, so that there is one order.
template <class T>
int compare(T left, T right) {
  const auto a = load(left);
  const auto b = load(right);
  if (a < b) return -1;
  if (a > b) return 1;
  if (a == b) return 0;
  return static_cast<int>(a != a) - static_cast<int>(b != b);
}

template <class T>
int compare_slices(const Slices& slices, const T* x, int64_t a, int64_t b) {
  for (int64_t i = 0; i < slices.outer; ++i) {
    const T* left = x + (i * slices.count + a) * slices.inner;
    const T* right = x + (i * slices.count + b) * slices.inner;
    for (int64_t k = 0; k < slices.inner; ++k) {
      if (const int order = compare(left[k], right[k])) return order;
    }
  }
  return 0;
}

/// The groups of equal slices in the order of the output.
struct Groups {
  std::vector<int64_t> first;  // per group: its first slice
  std::vector<int64_t> size;
  std::vector<int64_t> of;  // per slice: its group
};

template <class T>
Groups grouped(const Slices& slices, const T* x, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(slices.count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compare_slices(slices, x, a, b) < 0; });
  // The sort is stable, so that the first of each run of equals is the first one in the input.
  std::vector<int64_t> leader(order.size());
  std::vector<int64_t> first;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare_slices(slices, x, order[i - 1], order[i]) != 0) first.push_back(order[i]);
    leader[static_cast<size_t>(order[i])] = first.back();
  }
  if (!sorted) std::sort(first.begin(), first.end());
  Groups groups{first, std::vector<int64_t>(first.size()), leader};
  std::vector<int64_t> group_of(order.size());
  for (size_t i = 0; i < first.size(); ++i) {
    group_of[static_cast<size_t>(first[i])] = static_cast<int64_t>(i);
  }
  for (int64_t& group : groups.of) {
    group = group_of[static_cast<size_t>(group)];
    ++groups.size[static_cast<size_t>(group)];
  }
  return groups;
}

Groups groups_of(const NodeContext& context) {
  const Slices slices(context);
  check_size(describe(context.node), {DType::i64, {slices.count}});
  const Tensor& x = context.constant(0, "the tensor searched");
  return All::dispatch(x.dtype(), [&](auto zero) {
    return grouped(slices, x.data<decltype(zero)>().data(), flag(context, "sorted", true));
  });
}

std::vector<TensorType> infer_unique(const NodeContext& context) {
  const Slices slices(context);
  const int64_t count = std::ssize(groups_of(context).first);
  Shape shape = {count};
  if (slices.axis) {
    shape = context.shape(0);
    shape[*slices.axis] = count;
  }
  return {{context.type(0).dtype, shape},
          {DType::i64, {count}},
          {DType::i64, {slices.count}},
          {DType::i64, {count}}};
}

Evaluator prepare_unique(const NodeContext& context, std::span<const TensorType>) {
  return [slices = Slices(context), groups = groups_of(context),
          width = size_of(context.type(0).dtype)](auto inputs, auto outputs) {
    const auto* from = inputs[0].template as<const std::byte>();
    auto* to = outputs[0].template as<std::byte>();
    const size_t bytes = static_cast<size_t>(slices.inner) * width;
    for (int64_t i = 0; bytes > 0 && i < slices.outer; ++i) {
      for (const int64_t slice : groups.first) {
        std::memcpy(to, from + static_cast<size_t>(i * slices.count + slice) * bytes, bytes);
        to += bytes;
      }
    }
    const std::vector<int64_t>* const more[] = {&groups.first, &groups.of, &groups.size};
    for (size_t i = 1; i < outputs.size() && i <= std::size(more); ++i) {
      if (outputs[i].data == nullptr) continue;
      std::copy(more[i - 1]->begin(), more[i - 1]->end(), outputs[i].template as<int64_t>());
    }
  };
}

}  // namespace

void register_unique(OperatorRegistry& registry) {
  registry.add(
      {.name = "Unique",
       .max_outputs = 4,
       .attributes = {{"axis", AttributeKind::integer}, {"sorted", AttributeKind::integer}},
       .infer = infer_unique,
       .prepare = prepare_unique});
}

}  // namespace betimes::graph
