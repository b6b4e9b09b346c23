// Along one axis: ArgMax and ArgMin (13), Hardmax (13), TopK (11), CumSum (14).
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// The lines along an axis: line i begins at start(i), its elements are `step` apart.
struct Lines {
  int64_t count = 1;
  int64_t length = 1;
  int64_t step = 1;

  Lines(const Shape& shape, size_t axis) : length(shape[axis]) {
    for (size_t i = axis + 1; i < shape.size(); ++i) step *= shape[i];
    for (size_t i = 0; i < axis; ++i) count *= shape[i];
    count *= step;
  }
  int64_t start(int64_t line) const { return line / step * step * length + line % step; }
};

size_t axis_of(const NodeContext& context, int64_t otherwise) {
  return normalized_axis(context, context.node.get("axis", otherwise), context.shape(0).size());
}

std::vector<TensorType> infer_arg(const NodeContext& context) {
  const size_t axis = axis_of(context, 0);
  flag(context, "select_last_index", false);
  Shape shape = context.shape(0);
  if (shape[axis] == 0) fail(context, found_input(context, 0), "at least one element to choose");
  shape[axis] = 1;
  if (!flag(context, "keepdims", true)) shape.erase(shape.begin() + static_cast<int64_t>(axis));
  return one(DType::i64, shape);
}

template <class Better>
Evaluator prepare_arg(const NodeContext& context, Better better) {
  const Lines lines(context.shape(0), axis_of(context, 0));
  const bool last = flag(context, "select_last_index", false);
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      for (int64_t i = 0; i < lines.count; ++i) {
        const T* x = inputs[0].template as<T>() + lines.start(i);
        int64_t best = 0;
        for (int64_t k = 1; k < lines.length; ++k) {
          const auto value = load(x[k * lines.step]);
          const auto top = load(x[best * lines.step]);
          if (better(value, top) || (last && value == top)) best = k;
        }
        outputs[0].template as<int64_t>()[i] = best;
      }
    };
  });
}

template <class Better>
Operator arg(std::string name, Better better) {
  return {.name = std::move(name),
          .attributes = {{"axis", AttributeKind::integer},
                         {"keepdims", AttributeKind::integer},
                         {"select_last_index", AttributeKind::integer}},
          .types = Numbers::list(),
          .infer = infer_arg,
          .prepare = [better](const NodeContext& context, std::span<const TensorType>) {
            return prepare_arg(context, better);
          }};
}

std::vector<TensorType> infer_hardmax(const NodeContext& context) {
  axis_of(context, -1);
  return same_as_input(context);
}

/// 1 at the first largest element of each line, 0 elsewhere.
Evaluator prepare_hardmax(const NodeContext& context, std::span<const TensorType>) {
  const Lines lines(context.shape(0), axis_of(context, -1));
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [lines, count = element_count(context.shape(0))](auto inputs, auto outputs) {
      T* y = outputs[0].template as<T>();
      std::fill_n(y, count, T{});
      for (int64_t i = 0; lines.length > 0 && i < lines.count; ++i) {
        const T* x = inputs[0].template as<const T>() + lines.start(i);
        int64_t best = 0;
        for (int64_t k = 1; k < lines.length; ++k) {
          if (load(x[k * lines.step]) > load(x[best * lines.step])) best = k;
        }
        y[lines.start(i) + best * lines.step] = store<T>(1);
      }
    };
  });
}

std::vector<TensorType> infer_top_k(const NodeContext& context) {
  flag(context, "largest", true);
  flag(context, "sorted", true);
  const size_t axis = axis_of(context, -1);
  require_single(context, 1);
  TensorType result = context.type(0);
  result.shape[axis] = bounded(context, "K", context.integers(1, "K")[0], 0, result.shape[axis]);
  return {result, {DType::i64, result.shape}};
}

/// Keeps the best of the line so far in the output, sorted; of equals the first one wins.
template <class T>
void top_of_line(const T* x, const Lines& from, bool largest, T* best, int64_t* where,
                 const Lines& to) {
  int64_t kept = 0;
  for (int64_t i = 0; i < from.length; ++i) {
    const T value = x[i * from.step];
    int64_t place = kept;
    while (place > 0) {
      const T other = best[(place - 1) * to.step];
      if (largest ? load(other) >= load(value) : load(other) <= load(value)) break;
      --place;
    }
    if (place == to.length) continue;
    kept = std::min(kept + 1, to.length);
    for (int64_t k = kept - 1; k > place; --k) {
      best[k * to.step] = best[(k - 1) * to.step];
      where[k * to.step] = where[(k - 1) * to.step];
    }
    best[place * to.step] = value;
    where[place * to.step] = i;
  }
}

Evaluator prepare_top_k(const NodeContext& context, std::span<const TensorType> outputs) {
  const size_t axis = axis_of(context, -1);
  const Lines from(context.shape(0), axis);
  const Lines to(outputs[0].shape, axis);
  const bool largest = flag(context, "largest", true);
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      for (int64_t i = 0; i < from.count; ++i) {
        top_of_line(inputs[0].template as<T>() + from.start(i), from, largest,
                    results[0].template as<T>() + to.start(i),
                    results[1].template as<int64_t>() + to.start(i), to);
      }
    };
  });
}

using Summed = Types<float, double, int32_t, int64_t, uint32_t, uint64_t>;

size_t sum_axis(const NodeContext& context) {
  require_single(context, 1);
  return normalized_axis(context, context.integers(1, "the axis")[0], context.shape(0).size());
}

std::vector<TensorType> infer_cum_sum(const NodeContext& context) {
  flag(context, "exclusive", false);
  flag(context, "reverse", false);
  sum_axis(context);
  return same_as_input(context);
}

Evaluator prepare_cum_sum(const NodeContext& context, std::span<const TensorType>) {
  const Lines lines(context.shape(0), sum_axis(context));
  const bool exclusive = flag(context, "exclusive", false);
  const bool reverse = flag(context, "reverse", false);
  return Summed::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      for (int64_t i = 0; i < lines.count; ++i) {
        const T* x = inputs[0].template as<T>() + lines.start(i);
        T* y = outputs[0].template as<T>() + lines.start(i);
        Wrapping<T> sum{};
        for (int64_t k = 0; k < lines.length; ++k) {
          const int64_t at = (reverse ? lines.length - 1 - k : k) * lines.step;
          const auto before = sum;
          sum += static_cast<Wrapping<T>>(x[at]);
          y[at] = static_cast<T>(exclusive ? before : sum);
        }
      }
    };
  });
}

}  // namespace

void register_select(OperatorRegistry& registry) {
  registry.add(arg("ArgMax", [](auto a, auto b) { return a > b; }));
  registry.add(arg("ArgMin", [](auto a, auto b) { return a < b; }));
  registry.add({.name = "Hardmax",
                .attributes = {{"axis", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_hardmax,
                .prepare = prepare_hardmax});
  registry.add({.name = "TopK",
                .min_inputs = 2,
                .max_inputs = 2,
                .min_outputs = 2,
                .max_outputs = 2,
                .attributes = {{"axis", AttributeKind::integer},
                               {"largest", AttributeKind::integer},
                               {"sorted", AttributeKind::integer}},
                .types = Numbers::list(),
                .infer = infer_top_k,
                .prepare = prepare_top_k});
  registry.add(
      {.name = "CumSum",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"exclusive", AttributeKind::integer}, {"reverse", AttributeKind::integer}},
       .types = Summed::list(),
       .infer = infer_cum_sum,
       .prepare = prepare_cum_sum});
}

}  // namespace betimes::graph
