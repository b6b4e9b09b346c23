// Functions of floats, or of the compiler's own vectors of floats, which is what loops should call
// them with: GCC 12 threads jumps through a clamp of single floats, and computes all branches under
// masks when it vectorises that. Included once per instruction-set level, inside that level's
// namespace, by whatever file of loops wants them.

/// The bits of a float, or of each of a vector. (std::bit_cast is compiled for the lowest level, and
/// couldn't pass wide vectors.)
template <class T>
[[gnu::always_inline]] inline auto as_integers(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<int32_t>(x);
  } else {
    return __builtin_bit_cast(decltype(x < x), x);
  }
}

/// exp(x) within 2 ulp on the range where the result is normal, of no value outside (Cephes' expf).
template <class T>
[[gnu::always_inline]] inline T exp_normal(T x) {
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

/// exp(x), clamped where the result wouldn't be normal.
template <class T>
[[gnu::always_inline]] inline T exp_fast(T x) {
  constexpr float limit = 87.33f;
  x = x < -limit ? T{} - limit : x;
  return exp_normal(x > limit ? T{} + limit : x);
}

template <class T>
[[gnu::always_inline]] inline T sigmoid_fast(T x) { return 1.0f / (1.0f + exp_fast(-x)); }

/// tanh by exp where |x| is not small, by its series where cancellation would show.
template <class T>
[[gnu::always_inline]] inline T tanh_fast(T x) {
  const T square = x * x;
  const T near = x * (1.0f + square * (-0.333333333f + square * (0.133333333f - square * 0.0539682540f)));
  const T far = 1.0f - 2.0f / (exp_fast(2.0f * x) + 1.0f);
  return square < 0.04f ? near : far;
}

/// exp(x) for x <= 0, and 0 where exp_fast would be clamped: what is masked has no share at all, and
/// shares beneath the smallest normal number don't slow down every product they enter.
template <class T>
[[gnu::always_inline]] inline T exp_or_zero(T x) {
  const T y = exp_normal(x);
  return x < -87.0f ? T{} : y;
}

/// x (1 + erf(x / sqrt(2))) / 2 as max(x, 0) - |x| erfc(|x| / sqrt(2)) / 2: nothing cancels on the
/// negative side. erfc within 1.2e-7 of itself everywhere (Press et al., Numerical Recipes, erfcc).
template <class T>
[[gnu::always_inline]] inline T gelu_fast(T x) {
  const T size = x < 0.0f ? -x : x;
  const T a = size > 13.0f ? T{} + 13.0f : size;  // beyond it erfc is 0 as far as floats go
  const T z = a * 0.70710678118654752f;
  const T t = 1.0f / (z * 0.5f + 1.0f);
  T p = t * 0.17087277f - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  const T positive = x < 0.0f ? T{} : x;
  return positive - a * 0.5f * t * exp_or_zero(p - z * z);
}

/// x (1 + tanh(u)) / 2 is x sigmoid(2 u).
template <class T>
[[gnu::always_inline]] inline T gelu_tanh_fast(T x) {
  return x * sigmoid_fast(x * 1.5957691216057308f * (x * x * 0.044715f + 1.0f));
}

template <class T>
[[gnu::always_inline]] inline T square_root(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return std::sqrt(x);
  } else {
    for (size_t i = 0; i < sizeof(T) / sizeof(float); ++i) x[i] = std::sqrt(x[i]);
    return x;
  }
}

/// Bounded, NaN staying NaN.
template <class T>
[[gnu::always_inline]] inline T at_least(T x, float low) { return x < low ? T{} + low : x; }
template <class T>
[[gnu::always_inline]] inline T at_most(T x, float high) { return x > high ? T{} + high : x; }

/// Calls `run` with the activation as a function object, so that each gets its own loop.
template <class Run>
[[gnu::always_inline]] inline void with_activation(const graph::Activation& activation, const Run& run) {
  using Kind = graph::Activation::Kind;
  const float a = activation.alpha;
  const float b = activation.beta;
  switch (activation.kind) {
    case Kind::none:
      return run([](auto x) { return x; });
    case Kind::relu:
      return run([](auto x) { return at_least(x, 0.0f); });
    case Kind::leaky_relu:
      return run([a](auto x) { return x < 0.0f ? x * a : x; });
    case Kind::clip:
      return run([a, b](auto x) { return at_most(at_least(x, a), b); });
    case Kind::sigmoid:
      return run([](auto x) { return sigmoid_fast(x); });
    case Kind::hard_sigmoid:
      return run([a, b](auto x) { return at_most(at_least(x * a + b, 0.0f), 1.0f); });
    case Kind::hard_swish:
      return run([](auto x) {
        return x * at_most(at_least(x * (1.0f / 6.0f) + 0.5f, 0.0f), 1.0f);
      });
    case Kind::swish:
      return run([](auto x) { return x * sigmoid_fast(x); });
    case Kind::tanh:
      return run([](auto x) { return tanh_fast(x); });
    case Kind::elu:
      return run([a](auto x) { return x < 0.0f ? (exp_fast(x) - 1.0f) * a : x; });
    case Kind::gelu:
      return run([](auto x) { return gelu_fast(x); });
    case Kind::gelu_tanh:
      return run([](auto x) { return gelu_tanh_fast(x); });
    case Kind::exponential:
      return run([](auto x) {
        const auto half = exp_fast(x * 0.5f);  // whose square is 0 or infinite where it should be
        return half * half;
      });
    case Kind::square_root:
      return run([](auto x) { return square_root(x); });
    case Kind::absolute:
      return run([](auto x) { return x < 0.0f ? -x : x + 0.0f; });  // -0 + 0 is 0
    case Kind::negative:
      return run([](auto x) { return -x; });
    case Kind::reciprocal:
      return run([](auto x) { return 1.0f / x; });
  }
}
