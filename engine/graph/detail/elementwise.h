#pragma once

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph::detail {

/// y[i] = f(x[i]), with f over the type computed in.
template <class Set, class F>
Evaluator map_elements(const NodeContext& context, F f) {
  return Set::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [f, count = element_count(context.shape(0))](auto inputs, auto outputs) {
      const T* x = inputs[0].template as<T>();
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < count; ++i) y[i] = store<T>(static_cast<Compute<T>>(f(load(x[i]))));
    };
  });
}

/// An operator without attributes that maps elements of the types in Set.
template <class Set, class F>
Operator unary(std::string name, F f) {
  return {.name = std::move(name),
          .types = Set::list(),
          .infer = same_as_input,
          .prepare = [f](const NodeContext& context, std::span<const TensorType>) {
            return map_elements<Set>(context, f);
          }};
}

/// y = f(a, b) over inputs 0 and 1, which broadcast; Result is what f gives, T or bool.
template <class T, class Result, class F>
Evaluator zip_elements(const NodeContext& context, const Shape& shape, F f) {
  const Walk<3> walk(shape, {broadcast_strides(context.shape(0), shape),
                             broadcast_strides(context.shape(1), shape), row_major(shape)});
  return [f, walk](auto inputs, auto outputs) {
    const T* a = inputs[0].template as<T>();
    const T* b = inputs[1].template as<T>();
    auto* y = outputs[0].template as<Result>();
    walk.run_rows([&](const Walk<3>::Offsets& at, int64_t count, const Walk<3>::Offsets& step) {
      for (int64_t i = 0; i < count; ++i) {
        y[at[2] + i * step[2]] =
            store<Result>(f(load(a[at[0] + i * step[0]]), load(b[at[1] + i * step[1]])));
      }
    });
  };
}

}  // namespace betimes::graph::detail
