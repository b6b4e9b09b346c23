#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "betimes/tensor/tensor.h"

/// Sets of element types, and loops that are compiled once for each type of a set.
namespace betimes::graph::detail {

template <class... T>
struct Types {
  static std::vector<DType> list() { return {dtype_v<T>...}; }

  /// f(T{}) for the type of the set that stores `dtype`. Inference refused all others already.
  template <class F>
  static auto dispatch(DType dtype, F&& f) {
    using Result = std::common_type_t<decltype(f(T{}))...>;
    Result result{};
    const bool found = ((dtype == dtype_v<T> && (result = f(T{}), true)) || ...);
    if (!found) throw std::logic_error("an operator was prepared for a type it doesn't declare");
    return result;
  }
};

using Wide = Types<float, double>;
using Floats = Types<float, double, float16, bfloat16>;
using Signed = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t>;
using Numbers = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                      uint16_t, uint32_t, uint64_t>;
using Integers = Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
using Indices = Types<int32_t, int64_t>;
using Bytes = Types<uint8_t, int8_t>;

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;
/// 16-bit floats are stored, and computed with as float.
template <class T>
using Compute = std::conditional_t<is_half<T>, float, T>;

template <class T>
Compute<T> load(T value) {
  if constexpr (is_half<T>) {
    return to_float(value);
  } else {
    return value;
  }
}

template <class T>
T store(Compute<T> value) {
  if constexpr (std::is_same_v<T, float16>) {
    return to_float16(value);
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    return to_bfloat16(value);
  } else {
    return value;
  }
}

template <class T, bool integral = std::is_integral_v<T>>
struct WrappingOf {
  using type = T;
};
template <class T>
struct WrappingOf<T, true> {
  using type =
      std::conditional_t<(sizeof(T) < sizeof(uint32_t)), uint32_t, std::make_unsigned_t<T>>;
};
/// The type to add and multiply T in: integers wrap around, which C++ grants to unsigned ones only.
template <class T>
using Wrapping = typename WrappingOf<T>::type;

/// `value` as To: floats to integers truncate, saturate, and take NaN to 0.
template <class To, class From>
To convert(From value) {
  const auto wide = load(value);
  using Wider = std::remove_const_t<decltype(wide)>;
  if constexpr (is_half<To>) {
    return store<To>(static_cast<float>(wide));
  } else if constexpr (std::is_same_v<To, bool>) {
    return wide != Wider{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<Wider>) {
    if (std::isnan(wide)) return To{0};
    // The limits round to powers of two in floating point, so >= is right for the upper one.
    if (wide <= static_cast<Wider>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    if (wide >= static_cast<Wider>(std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    return static_cast<To>(wide);
  } else {
    return static_cast<To>(wide);
  }
}

/// Reads element i of memory of some type as double: for the few values that aren't worth a loop
/// per type (scales, bounds, exponents).
using Reader = double (*)(const void* data, int64_t i);
Reader reader_of(DType dtype);

/// Element 0 of a constant as double.
double first_value(const Tensor& tensor);

}  // namespace betimes::graph::detail
