// MaxPool (12), AveragePool (19), LpPool (18) and their global forms.
#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/window.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer_pool(const NodeContext& context) {
  const Window window = sliding_window(context, required_kernel(context));
  const TensorType& x = context.type(0);
  return one(x.dtype, window.output_shape(x.shape[0], x.shape[1]));
}

std::vector<TensorType> infer_max_pool(const NodeContext& context) {
  flag(context, "storage_order", false);
  std::vector<TensorType> types = infer_pool(context);
  if (has_output(context, 1)) types.push_back({DType::i64, types[0].shape});
  return types;
}

/// f(place in the plane) for each input that output (od, oh, ow) sees.
template <class F>
void each_place(const Window& window, int64_t od, int64_t oh, int64_t ow, F&& f) {
  const auto& [depth, height, width] = window.axes;
  for (int64_t kd = depth.first_inside(od); kd < depth.end_inside(od); ++kd) {
    for (int64_t kh = height.first_inside(oh); kh < height.end_inside(oh); ++kh) {
      const int64_t row = (depth.input(od, kd) * height.in + height.input(oh, kh)) * width.in;
      for (int64_t kw = width.first_inside(ow); kw < width.end_inside(ow); ++kw) {
        f(row + width.input(ow, kw));
      }
    }
  }
}

/// f(value) at each input that output (od, oh, ow) sees of the plane x.
template <class T, class F>
void each_inside(const Window& window, const T* x, int64_t od, int64_t oh, int64_t ow, F&& f) {
  each_place(window, od, oh, ow, [&](int64_t place) { f(x[place]); });
}

/// y = f(plane, od, oh, ow) for every output of every plane.
template <class T, class F>
void each_output(const Window& window, int64_t planes, const T* x, T* y, F&& f) {
  const auto& [depth, height, width] = window.axes;
  for (int64_t plane = 0; plane < planes; ++plane, x += window.in()) {
    for (int64_t od = 0; od < depth.out; ++od) {
      for (int64_t oh = 0; oh < height.out; ++oh) {
        for (int64_t ow = 0; ow < width.out; ++ow) *y++ = f(x, od, oh, ow);
      }
    }
  }
}

template <class T>
bool is_nan([[maybe_unused]] T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::isnan(value);
  } else {
    return false;
  }
}

/// NaN wins, as in numpy's maximum.
template <class T>
T larger(T best, T value) {
  return is_nan(value) || value > best ? value : best;
}

template <class T>
T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

using Pooled = Types<float, double, int8_t, uint8_t>;

/// A place in the plane counted with the first axis fastest.
int64_t column_major(const Window& window, int64_t place) {
  const auto& [depth, height, width] = window.axes;
  const int64_t w = place % width.in;
  const int64_t h = place / width.in % height.in;
  const int64_t d = place / width.in / height.in;
  return (w * height.in + h) * depth.in + d;
}

/// The largest value and where it is in the whole tensor; of equals the first one's place, and -1
/// where a window sees nothing but padding.
template <class T>
Evaluator max_pool_with_indices(const Window& window, int64_t planes, bool by_columns) {
  return [=](auto inputs, auto outputs) {
    int64_t* index = outputs[1].template as<int64_t>();
    const T* const first = inputs[0].template as<T>();
    each_output(window, planes, first, outputs[0].template as<T>(),
                [&](const T* x, int64_t od, int64_t oh, int64_t ow) {
                  T best = lowest<T>();
                  int64_t where = -1;
                  each_place(window, od, oh, ow, [&](int64_t place) {
                    const T value = x[place];
                    const bool better = value > best || (is_nan(value) && !is_nan(best));
                    if (where < 0 || better) best = value, where = place;
                  });
                  if (where >= 0) {
                    where = x - first + (by_columns ? column_major(window, where) : where);
                  }
                  *index++ = where;
                  return best;
                });
  };
}

Evaluator prepare_max_pool(const NodeContext& context, std::span<const TensorType>) {
  const Window window = sliding_window(context, required_kernel(context));
  const int64_t planes = context.shape(0)[0] * context.shape(0)[1];
  return Pooled::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    if (has_output(context, 1)) {
      return max_pool_with_indices<T>(window, planes, flag(context, "storage_order", false));
    }
    return [=](auto inputs, auto outputs) {
      each_output(window, planes, inputs[0].template as<T>(), outputs[0].template as<T>(),
                  [&](const T* x, int64_t od, int64_t oh, int64_t ow) {
                    T best = lowest<T>();
                    each_inside(window, x, od, oh, ow,
                                [&](T value) { best = larger(best, value); });
                    return best;
                  });
    };
  });
}

/// Window positions that lie inside the padded input: those beyond it, which ceil_mode may add,
/// never count.
int64_t padded_taps(const WindowAxis& axis, int64_t output) {
  const int64_t room = axis.in + axis.before + axis.after - output * axis.stride;
  return std::clamp<int64_t>((room + axis.dilation - 1) / axis.dilation, 0, axis.kernel);
}

Evaluator prepare_average_pool(const NodeContext& context, std::span<const TensorType>) {
  const Window window = sliding_window(context, required_kernel(context));
  const int64_t planes = context.shape(0)[0] * context.shape(0)[1];
  const bool count_padding = flag(context, "count_include_pad", false);
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      each_output(window, planes, inputs[0].template as<T>(), outputs[0].template as<T>(),
                  [&](const T* x, int64_t od, int64_t oh, int64_t ow) {
                    T sum{};
                    int64_t count = 0;
                    each_inside(window, x, od, oh, ow, [&](T value) { sum += value, ++count; });
                    if (count_padding) {
                      count = padded_taps(window.axes[0], od) * padded_taps(window.axes[1], oh) *
                              padded_taps(window.axes[2], ow);
                    }
                    return count ? sum / static_cast<T>(count) : T{};
                  });
    };
  });
}

int64_t norm_order(const NodeContext& context) {
  return bounded(context, "attribute 'p'", context.node.get("p", int64_t{2}), 1, 1 << 20);
}

Evaluator prepare_lp_pool(const NodeContext& context, std::span<const TensorType>) {
  const Window window = sliding_window(context, required_kernel(context));
  const int64_t planes = context.shape(0)[0] * context.shape(0)[1];
  const auto order = static_cast<double>(norm_order(context));
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      each_output(window, planes, inputs[0].template as<T>(), outputs[0].template as<T>(),
                  [&](const T* x, int64_t od, int64_t oh, int64_t ow) {
                    double sum = 0;
                    each_inside(window, x, od, oh, ow,
                                [&](T value) { sum += std::pow(std::fabs(double{value}), order); });
                    return static_cast<T>(std::pow(sum, 1 / order));
                  });
    };
  });
}

std::vector<TensorType> infer_lp_pool(const NodeContext& context) {
  norm_order(context);
  return infer_pool(context);
}

/// Global pools: one value for each [n, c] plane, whatever the number of spatial axes.
std::vector<TensorType> infer_global(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  TensorType type = context.type(0);
  std::fill(type.shape.begin() + 2, type.shape.end(), 1);
  return {type};
}

/// finish(sum of step over the plane, its size), with sum beginning at `start`.
template <class Step, class Finish>
Evaluator prepare_global(const NodeContext& context, double start, Step step, Finish finish) {
  const Shape& shape = context.shape(0);
  const int64_t planes = shape[0] * shape[1];
  const int64_t size = element_count({shape.begin() + 2, shape.end()});
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto outputs) {
      const T* x = inputs[0].template as<T>();
      T* y = outputs[0].template as<T>();
      for (int64_t plane = 0; plane < planes; ++plane) {
        double value = start;
        for (int64_t i = 0; i < size; ++i) value = step(value, double{*x++});
        y[plane] = static_cast<T>(finish(value, static_cast<double>(size)));
      }
    };
  });
}

Evaluator prepare_global_average(const NodeContext& context, std::span<const TensorType>) {
  return prepare_global(
      context, 0, [](double sum, double x) { return sum + x; },
      [](double sum, double size) { return sum / size; });
}

Evaluator prepare_global_max(const NodeContext& context, std::span<const TensorType>) {
  return prepare_global(
      context, lowest<double>(), [](double best, double x) { return larger(best, x); },
      [](double best, double) { return best; });
}

Evaluator prepare_global_lp(const NodeContext& context, std::span<const TensorType>) {
  const auto order = static_cast<double>(norm_order(context));
  return prepare_global(
      context, 0, [=](double sum, double x) { return sum + std::pow(std::fabs(x), order); },
      [=](double sum, double) { return std::pow(sum, 1 / order); });
}

std::vector<TensorType> infer_global_lp(const NodeContext& context) {
  norm_order(context);
  return infer_global(context);
}

}  // namespace

void register_pooling(OperatorRegistry& registry) {
  registry.add({.name = "MaxPool",
                .max_outputs = 2,
                .attributes = window_attributes({{"ceil_mode", AttributeKind::integer},
                                                 {"dilations", AttributeKind::integers},
                                                 {"storage_order", AttributeKind::integer}}),
                .types = Pooled::list(),
                .infer = infer_max_pool,
                .prepare = prepare_max_pool});
  registry.add({.name = "AveragePool",
                .attributes = window_attributes({{"ceil_mode", AttributeKind::integer},
                                                 {"count_include_pad", AttributeKind::integer},
                                                 {"dilations", AttributeKind::integers}}),
                .types = Wide::list(),
                .infer = infer_pool,
                .prepare = prepare_average_pool});
  registry.add({.name = "LpPool",
                .attributes = window_attributes({{"ceil_mode", AttributeKind::integer},
                                                 {"dilations", AttributeKind::integers},
                                                 {"p", AttributeKind::integer}}),
                .types = Wide::list(),
                .infer = infer_lp_pool,
                .prepare = prepare_lp_pool});
  registry.add({.name = "GlobalAveragePool",
                .types = Wide::list(),
                .infer = infer_global,
                .prepare = prepare_global_average});
  registry.add({.name = "GlobalMaxPool",
                .types = Wide::list(),
                .infer = infer_global,
                .prepare = prepare_global_max});
  registry.add({.name = "GlobalLpPool",
                .attributes = {{"p", AttributeKind::integer}},
                .types = Wide::list(),
                .infer = infer_global_lp,
                .prepare = prepare_global_lp});
}

}  // namespace betimes::graph
