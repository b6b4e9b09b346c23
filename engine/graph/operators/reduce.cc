// Reductions (13; the extremes of booleans 20): axes are an attribute, but an input of ReduceSum.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<size_t> reduced_axes(const NodeContext& context) {
  const size_t rank = context.shape(0).size();
  std::vector<int64_t> axes = context.node.get("axes", std::vector<int64_t>{});
  if (context.present(1)) axes = context.integers(1, "the axes");
  if (axes.empty() && !flag(context, "noop_with_empty_axes", false)) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  return normalized_axes(context, axes, rank);
}

std::vector<TensorType> infer_reduce(const NodeContext& context) {
  const bool keep = flag(context, "keepdims", true);
  const std::vector<size_t> axes = reduced_axes(context);
  Shape shape;
  for (size_t i = 0; i < context.shape(0).size(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      shape.push_back(context.shape(0)[i]);
    } else if (keep) {
      shape.push_back(1);
    }
  }
  return one(context.type(0).dtype, shape);
}

/// The kept axes outside, the reduced ones inside.
struct Loops {
  Walk<1> kept;
  Walk<1> reduced;
  int64_t count = 1;  // elements that make one
};

Loops loops(const NodeContext& context) {
  const std::vector<size_t> axes = reduced_axes(context);
  const Shape& shape = context.shape(0);
  Strides strides = row_major(shape);
  Shape extents[2];
  Strides steps[2];
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t side = std::binary_search(axes.begin(), axes.end(), i) ? 1 : 0;
    extents[side].push_back(shape[i]);
    steps[side].push_back(strides[i]);
  }
  return {{extents[0], {steps[0]}}, {extents[1], {steps[1]}}, element_count(extents[1])};
}

/// Sums of floats are taken in double, of integers in 64 bits that wrap around.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
template <class T>
Sum<T> widened(T value) {
  return static_cast<Sum<T>>(load(value));
}

/// y = finish(fold of step over the reduced elements from `start`, how many, T{}). `start` is a
/// function of the element type T, since it differs for floats and integers.
template <class Set, class Start, class Step, class Finish>
Operator reduction(std::string name, Start start, Step step, Finish finish) {
  const auto prepare = [=](const NodeContext& context, std::span<const TensorType>) {
    return Set::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
      using T = decltype(zero);
      return [=, all = loops(context)](auto inputs, auto outputs) {
        const T* x = inputs[0].template as<T>();
        T* y = outputs[0].template as<T>();
        all.kept.run([&](const Walk<1>::Offsets& outer) {
          auto value = start(zero);
          all.reduced.run(
              [&](const Walk<1>::Offsets& inner) { value = step(value, x[outer[0] + inner[0]]); });
          const auto result = finish(value, all.count, zero);
          *y++ = store<T>(static_cast<Compute<T>>(result));
        });
      };
    });
  };
  const bool sum = name == "ReduceSum";
  std::vector<AttributeSpec> attributes{{"keepdims", AttributeKind::integer}};
  attributes.push_back(sum ? AttributeSpec{"noop_with_empty_axes", AttributeKind::integer}
                           : AttributeSpec{"axes", AttributeKind::integers});
  return {.name = std::move(name),
          .max_inputs = sum ? 2 : 1,
          .attributes = std::move(attributes),
          .types = Set::list(),
          .infer = infer_reduce,
          .prepare = prepare};
}

using Summed = Types<float, double, float16, bfloat16, int32_t, int64_t, uint32_t, uint64_t>;
using Compared = Types<float, double, float16, bfloat16, int32_t, int64_t, uint32_t, uint64_t,
                       int8_t, uint8_t, bool>;

/// Of elements of type T.
template <class T>
Sum<T> mean_of(Sum<T> sum, int64_t count) {
  if constexpr (std::is_floating_point_v<Sum<T>>) {
    return sum / static_cast<double>(count);
  } else if constexpr (std::is_signed_v<T>) {
    // Back to signed, so that negative sums divide towards zero.
    return count ? static_cast<uint64_t>(static_cast<int64_t>(sum) / count) : 0;
  } else {
    return count ? sum / static_cast<uint64_t>(count) : 0;
  }
}

/// log(sum(exp(x))) kept as a maximum and a sum relative to it, so that nothing overflows.
struct LogSum {
  double top = -std::numeric_limits<double>::infinity();
  double sum = 0;

  LogSum plus(double x) const {
    if (x <= top) return {top, sum + (x == top ? 1 : std::exp(x - top))};
    return {x, sum * std::exp(top - x) + 1};
  }
  double value() const { return top + std::log(sum); }
};

void register_sums(OperatorRegistry& registry) {
  const auto none = [](auto zero) { return Sum<decltype(zero)>{}; };
  const auto keep = [](auto value, int64_t, auto) { return value; };
  const auto add = [](auto sum, auto x) { return sum + widened(x); };
  const auto add_square = [](auto sum, auto x) { return sum + widened(x) * widened(x); };
  const auto add_size = [](auto sum, auto x) {
    const auto value = widened(x);
    return load(x) < 0 ? sum - value : sum + value;
  };
  registry.add(reduction<Summed>("ReduceSum", none, add, keep));
  registry.add(reduction<Summed>("ReduceMean", none, add, [](auto sum, int64_t count, auto zero) {
    return mean_of<decltype(zero)>(sum, count);
  }));
  registry.add(reduction<Summed>("ReduceSumSquare", none, add_square, keep));
  registry.add(reduction<Summed>("ReduceL1", none, add_size, keep));
  registry.add(reduction<Summed>("ReduceL2", none, add_square, [](auto sum, int64_t, auto) {
    return std::sqrt(static_cast<double>(sum));
  }));
  registry.add(reduction<Floats>("ReduceLogSum", none, add,
                                 [](auto sum, int64_t, auto) { return std::log(sum); }));
  registry.add(reduction<Floats>(
      "ReduceLogSumExp", [](auto) { return LogSum{}; },
      [](LogSum sum, auto x) { return sum.plus(static_cast<double>(load(x))); },
      [](LogSum sum, int64_t, auto) { return sum.value(); }));
  registry.add(reduction<Summed>(
      "ReduceProd", [](auto zero) { return Sum<decltype(zero)>{1}; },
      [](auto product, auto x) { return product * widened(x); }, keep));
}

template <class T>
T bound(bool highest) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) {
    return highest ? Limits::infinity() : -Limits::infinity();
  }
  return highest ? Limits::max() : Limits::lowest();
}

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

void register_extremes(OperatorRegistry& registry) {
  const auto keep = [](auto value, int64_t, auto) { return value; };
  // NaN stays: it compares false with everything.
  registry.add(reduction<Compared>(
      "ReduceMax", [](auto zero) { return bound<Compute<decltype(zero)>>(false); },
      [](auto best, auto x) { return is_nan(best) || best >= load(x) ? best : load(x); }, keep));
  registry.add(reduction<Compared>(
      "ReduceMin", [](auto zero) { return bound<Compute<decltype(zero)>>(true); },
      [](auto best, auto x) { return is_nan(best) || best <= load(x) ? best : load(x); }, keep));
}

}  // namespace

void register_reduce(OperatorRegistry& registry) {
  register_sums(registry);
  register_extremes(registry);
}

}  // namespace betimes::graph
