// Arithmetic of two inputs that broadcast, and of any number of them.
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

std::vector<TensorType> infer_binary(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  return one(context.type(0).dtype, broadcast_shape(context));
}

template <class Set, class F>
Operator binary(std::string name, F f) {
  return {.name = std::move(name),
          .min_inputs = 2,
          .max_inputs = 2,
          .types = Set::list(),
          .infer = infer_binary,
          .prepare = [f](const NodeContext& context, std::span<const TensorType> outputs) {
            return Set::dispatch(context.type(0).dtype, [&](auto zero) {
              using T = decltype(zero);
              return zip_elements<T, T>(context, outputs[0].shape, f);
            });
          }};
}

/// f in the type that wraps around, so that integer overflow is defined.
template <class F>
auto wrapping(F f) {
  return [f](auto a, auto b) {
    using T = decltype(a);
    return static_cast<T>(f(static_cast<Wrapping<T>>(a), static_cast<Wrapping<T>>(b)));
  };
}

/// Integers divide towards zero; by zero throws Error, and the one overflow wraps around.
template <class T>
T divide(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) throw Error("Div", "divides an integer by zero");
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) {
      return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
    }
  }
  return static_cast<T>(a / b);
}

/// `like_c`: the sign of the dividend (C's fmod); else that of the divisor, as in Python.
template <class T>
T modulo(T a, T b, bool like_c) {
  T rest{};
  if constexpr (std::is_integral_v<T>) {
    if (b == 0) throw Error("Mod", "divides an integer by zero");
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    rest = static_cast<T>(a % b);
  } else {
    rest = std::fmod(a, b);
  }
  if (!like_c && rest != 0 && (rest < 0) != (b < 0)) rest = static_cast<T>(rest + b);
  return rest;
}

std::vector<TensorType> infer_mod(const NodeContext& context) {
  const bool like_c = flag(context, "fmod", false);
  if (!like_c && is_floating(context.type(0).dtype)) {
    fail(context, found_input(context, 0) + " and attribute 'fmod' is 0", "fmod = 1 for floats");
  }
  return infer_binary(context);
}

Evaluator prepare_mod(const NodeContext& context, std::span<const TensorType> outputs) {
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) {
    using T = decltype(zero);
    const bool like_c = flag(context, "fmod", false);
    return zip_elements<T, T>(context, outputs[0].shape,
                              [like_c](auto a, auto b) { return modulo(a, b, like_c); });
  });
}

template <class T>
T whole_power(T base, double exponent) {
  Wrapping<T> result = 1;
  auto factor = static_cast<Wrapping<T>>(base);
  for (auto n = convert<uint64_t>(exponent); n > 0; n >>= 1) {
    if (n & 1) result *= factor;
    factor *= factor;
  }
  return static_cast<T>(result);
}

template <class T>
T power(T base, double exponent) {
  if constexpr (std::is_integral_v<T>) {
    if (exponent >= 0 && exponent == std::floor(exponent)) return whole_power(base, exponent);
    return convert<T>(std::pow(static_cast<double>(base), exponent));
  } else {
    return static_cast<T>(std::pow(static_cast<double>(base), exponent));
  }
}

using Bases = Types<float, double, float16, bfloat16, int32_t, int64_t>;

std::vector<TensorType> infer_pow(const NodeContext& context) {
  require_one_of(context, 1, Numbers::list());
  return one(context.type(0).dtype, broadcast_shape(context));
}

Evaluator prepare_pow(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape& shape = outputs[0].shape;
  const Walk<3> walk(shape, {broadcast_strides(context.shape(0), shape),
                             broadcast_strides(context.shape(1), shape), row_major(shape)});
  const Reader exponent = reader_of(context.type(1).dtype);
  return Bases::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      const T* x = inputs[0].template as<T>();
      T* y = results[0].template as<T>();
      walk.run([&](const Walk<3>::Offsets& at) {
        y[at[2]] = store<T>(power(load(x[at[0]]), exponent(inputs[1].data, at[1])));
      });
    };
  });
}

std::vector<TensorType> infer_variadic(const NodeContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i) require_same_dtype(context, i, 0);
  return one(context.type(0).dtype, broadcast_shape(context));
}

/// Folds the inputs into the output one after the other, then y = finish(y, number of inputs).
template <class Set, class F, class Finish>
Operator variadic(std::string name, F f, Finish finish) {
  const auto prepare = [f, finish](const NodeContext& context,
                                   std::span<const TensorType> outputs) {
    const Shape& shape = outputs[0].shape;
    std::vector<Walk<2>> walks;
    for (size_t i = 0; i < context.inputs.size(); ++i) {
      walks.emplace_back(shape,
                         std::array{broadcast_strides(context.shape(i), shape), row_major(shape)});
    }
    return Set::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
      using T = decltype(zero);
      return [=, count = element_count(shape)](auto inputs, auto results) {
        T* y = results[0].template as<T>();
        for (size_t i = 0; i < walks.size(); ++i) {
          const T* x = inputs[i].template as<T>();
          walks[i].run([&](const Walk<2>::Offsets& at) {
            y[at[1]] = i == 0 ? x[at[0]] : store<T>(f(load(y[at[1]]), load(x[at[0]])));
          });
        }
        for (int64_t i = 0; i < count; ++i) y[i] = store<T>(finish(load(y[i]), walks.size()));
      };
    });
  };
  return {.name = std::move(name),
          .max_inputs = -1,
          .types = Set::list(),
          .infer = infer_variadic,
          .prepare = prepare};
}

}  // namespace

void register_binary(OperatorRegistry& registry) {
  const auto keep = [](auto y, size_t) { return y; };
  registry.add(binary<Numbers>("Add", wrapping([](auto a, auto b) { return a + b; })));
  registry.add(binary<Numbers>("Sub", wrapping([](auto a, auto b) { return a - b; })));
  registry.add(binary<Numbers>("Mul", wrapping([](auto a, auto b) { return a * b; })));
  registry.add(binary<Numbers>("Div", [](auto a, auto b) { return divide(a, b); }));
  registry.add({.name = "Mod",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"fmod", AttributeKind::integer}},
                .types = Numbers::list(),
                .infer = infer_mod,
                .prepare = prepare_mod});
  registry.add({.name = "Pow",
                .min_inputs = 2,
                .max_inputs = 2,
                .types = Bases::list(),
                .infer = infer_pow,
                .prepare = prepare_pow});
  // NaN in either stays NaN, as numpy's minimum and maximum do.
  registry.add(variadic<Numbers>(
      "Min", [](auto a, auto b) { return a < b || a != a ? a : b; }, keep));
  registry.add(variadic<Numbers>(
      "Max", [](auto a, auto b) { return a > b || a != a ? a : b; }, keep));
  registry.add(variadic<Floats>(
      "Sum", [](auto a, auto b) { return a + b; }, keep));
  registry.add(variadic<Floats>(
      "Mean", [](auto a, auto b) { return a + b; },
      [](auto y, size_t n) { return y / static_cast<decltype(y)>(n); }));
}

}  // namespace betimes::graph
