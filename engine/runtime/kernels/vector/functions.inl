// Functions of numbers: of floats, in loops that the compiler vectorises, or of the compiler's own
// vectors of floats. Included once per instruction-set level, inside that level's namespace, by
// whatever file of loops wants them.

/// The bits of a float, or of each of a vector. (std::bit_cast is compiled for the lowest level, and
/// couldn't pass wide vectors.)
template <class T>
inline auto as_integers(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<int32_t>(x);
  } else {
    return __builtin_bit_cast(decltype(x < x), x);
  }
}

/// exp(x) within 2 ulp on the range where the result is normal; clamped outside (Cephes' expf).
template <class T>
inline T exp_fast(T x) {
  constexpr float limit = 87.33f;
  x = x < -limit ? T{} - limit : x;
  x = x > limit ? T{} + limit : x;
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const T shifted = x * 1.44269504088896341f + magic;
  const T n = shifted - magic;
  T r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  T p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const auto power = (as_integers(shifted) - as_integers(magic) + 127) << 23;
  return p * __builtin_bit_cast(T, power);
}

template <class T>
inline T sigmoid_fast(T x) { return 1.0f / (1.0f + exp_fast(-x)); }

/// tanh by exp where |x| is not small, by its series where cancellation would show.
template <class T>
inline T tanh_fast(T x) {
  const T square = x * x;
  const T near = x * (1.0f + square * (-0.333333333f + square * (0.133333333f - square * 0.0539682540f)));
  const T far = 1.0f - 2.0f / (exp_fast(2.0f * x) + 1.0f);
  return square < 0.04f ? near : far;
}
