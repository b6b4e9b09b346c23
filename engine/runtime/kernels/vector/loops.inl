// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target": plain loops that the compiler vectorises for the level.

using Kind = graph::Activation::Kind;

/// exp(x) within 2 ulp on the range where the result is normal; clamped outside (Cephes' expf).
inline float exp_fast(float x) {
  constexpr float limit = 87.33f;
  x = x < -limit ? -limit : x;
  x = x > limit ? limit : x;
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504088896341f + magic;
  const float n = shifted - magic;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t power = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(magic) + 127) << 23;
  return p * std::bit_cast<float>(power);
}

inline float sigmoid_fast(float x) { return 1.0f / (1.0f + exp_fast(-x)); }

/// tanh by exp where |x| is not small, by its series where cancellation would show.
inline float tanh_fast(float x) {
  const float square = x * x;
  const float near = x * (1.0f + square * (-0.333333333f + square * (0.133333333f - square * 0.0539682540f)));
  const float far = 1.0f - 2.0f / (exp_fast(2.0f * x) + 1.0f);
  return square < 0.04f ? near : far;
}

/// Calls `run` with the activation as a function object, so that each gets its own loop.
template <class Run>
inline void with_activation(const graph::Activation& activation, const Run& run) {
  const float a = activation.alpha;
  const float b = activation.beta;
  switch (activation.kind) {
    case Kind::none:
      return run([](float x) { return x; });
    case Kind::relu:
      return run([](float x) { return x > 0.0f ? x : 0.0f; });
    case Kind::leaky_relu:
      return run([a](float x) { return x < 0.0f ? a * x : x; });
    case Kind::clip:
      return run([a, b](float x) {
        const float low = x > a ? x : a;
        return low < b ? low : b;
      });
    case Kind::sigmoid:
      return run([](float x) { return sigmoid_fast(x); });
    case Kind::hard_sigmoid:
      return run([a, b](float x) {
        const float y = a * x + b;
        const float low = y > 0.0f ? y : 0.0f;
        return low < 1.0f ? low : 1.0f;
      });
    case Kind::hard_swish:
      return run([](float x) {
        const float y = x * (1.0f / 6.0f) + 0.5f;
        const float low = y > 0.0f ? y : 0.0f;
        return x * (low < 1.0f ? low : 1.0f);
      });
    case Kind::swish:
      return run([](float x) { return x * sigmoid_fast(x); });
    case Kind::tanh:
      return run([](float x) { return tanh_fast(x); });
    case Kind::elu:
      return run([a](float x) { return x < 0.0f ? a * (exp_fast(x) - 1.0f) : x; });
  }
}

void activate(const graph::Activation& activation, const float* in, float* out, int64_t count) {
  with_activation(activation, [&](auto f) {
    for (int64_t i = 0; i < count; ++i) out[i] = f(in[i]);
  });
}

template <class Op, class F>
inline void combine_loop(Op op, F f, const float* a, const float* b, int64_t b_step, float* out,
                         int64_t count) {
  if (b_step == 0) {
    const float value = *b;
    for (int64_t i = 0; i < count; ++i) out[i] = f(op(a[i], value));
    return;
  }
  for (int64_t i = 0; i < count; ++i) out[i] = f(op(a[i], b[i]));
}

void combine(Arithmetic op, const float* a, const float* b, int64_t b_step, float* out,
             int64_t count, const graph::Activation& activation) {
  const auto run = [&](auto f) {
    with_activation(activation, [&](auto g) { combine_loop(f, g, a, b, b_step, out, count); });
  };
  switch (op) {
    case Arithmetic::add:
      return run([](float x, float y) { return x + y; });
    case Arithmetic::subtract:
      return run([](float x, float y) { return x - y; });
    case Arithmetic::multiply:
      return run([](float x, float y) { return x * y; });
    case Arithmetic::divide:
      return run([](float x, float y) { return x / y; });
    case Arithmetic::maximum:
      return run([](float x, float y) { return x > y ? x : y; });
    case Arithmetic::minimum:
      return run([](float x, float y) { return x < y ? x : y; });
  }
}

/// Calls tap(pointer) for each input position under the window of output (y, x).
template <class T, class Tap>
inline int64_t visit_window(const ConvolutionShape& s, const T* image, int64_t y, int64_t x,
                            const Tap& tap) {
  int64_t taps = 0;
  for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
    const int64_t iy = y * s.stride_height - s.pad_top + ky * s.dilation_height;
    if (iy < 0 || iy >= s.in_height) continue;
    for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const int64_t ix = x * s.stride_width - s.pad_left + kx * s.dilation_width;
      if (ix < 0 || ix >= s.in_width) continue;
      tap(image + (iy * s.in_width + ix) * s.in_channels);
      ++taps;
    }
  }
  return taps;
}

/// Calls block(c, count) over the channels, `width` at a time: the block's sums stay in registers.
template <int64_t width, class Block>
inline void over_channels(int64_t channels, const Block& block) {
  int64_t c = 0;
  for (; c + width <= channels; c += width) block(c, std::integral_constant<int64_t, width>{});
  for (; c < channels; ++c) block(c, std::integral_constant<int64_t, 1>{});
}

template <class T>
inline void max_pool(const ConvolutionShape& s, const T* in, T* out, int64_t row, int64_t row_end) {
  constexpr int64_t width = 32 / sizeof(T);
  for (; row < row_end; ++row) {
    const T* image = in + row / s.out_height * s.in_height * s.in_width * s.in_channels;
    for (int64_t x = 0; x < s.out_width; ++x) {
      T* target = out + (row * s.out_width + x) * s.in_channels;
      over_channels<width>(s.in_channels, [&](int64_t c, auto size) {
        T best[size];
        for (int64_t i = 0; i < size; ++i) best[i] = std::numeric_limits<T>::lowest();
        visit_window(s, image, row % s.out_height, x, [&](const T* p) {
          for (int64_t i = 0; i < size; ++i) best[i] = p[c + i] > best[i] ? p[c + i] : best[i];
        });
        for (int64_t i = 0; i < size; ++i) target[c + i] = best[i];
      });
    }
  }
}

void max_pool_f32(const ConvolutionShape& shape, const float* in, float* out, int64_t row,
                  int64_t row_end) {
  max_pool(shape, in, out, row, row_end);
}
void max_pool_u8(const ConvolutionShape& shape, const uint8_t* in, uint8_t* out, int64_t row,
                 int64_t row_end) {
  max_pool(shape, in, out, row, row_end);
}

void average_pool(const ConvolutionShape& s, bool count_padding, const float* in, float* out,
                  int64_t row, int64_t row_end) {
  for (; row < row_end; ++row) {
    const float* image = in + row / s.out_height * s.in_height * s.in_width * s.in_channels;
    for (int64_t x = 0; x < s.out_width; ++x) {
      float* target = out + (row * s.out_width + x) * s.in_channels;
      over_channels<8>(s.in_channels, [&](int64_t c, auto size) {
        float sum[size] = {};
        const int64_t taps = visit_window(s, image, row % s.out_height, x, [&](const float* p) {
          for (int64_t i = 0; i < size; ++i) sum[i] += p[c + i];
        });
        const int64_t all = s.kernel_height * s.kernel_width;
        const float factor = 1.0f / static_cast<float>(count_padding ? all : taps);
        for (int64_t i = 0; i < size; ++i) target[c + i] = sum[i] * factor;
      });
    }
  }
}

void mean_rows(const float* in, float* out, int64_t positions, int64_t channels) {
  const float factor = 1.0f / static_cast<float>(positions);
  over_channels<8>(channels, [&](int64_t c, auto size) {
    float sum[size] = {};
    for (int64_t p = 0; p < positions; ++p) {
      for (int64_t i = 0; i < size; ++i) sum[i] += in[p * channels + c + i];
    }
    for (int64_t i = 0; i < size; ++i) out[c + i] = sum[i] * factor;
  });
}

void softmax(const float* in, float* out, int64_t count) {
  float largest = in[0];
  for (int64_t i = 1; i < count; ++i) largest = in[i] > largest ? in[i] : largest;
  for (int64_t i = 0; i < count; ++i) out[i] = exp_fast(in[i] - largest);
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += out[i];
  const float factor = 1.0f / sum;
  for (int64_t i = 0; i < count; ++i) out[i] *= factor;
}

void quantize(const float* in, uint8_t* out, int64_t count, float scale, int32_t zero) {
  constexpr float magic = 12582912.0f;
  const float low = static_cast<float>(-zero);
  const float high = static_cast<float>(255 - zero);
  for (int64_t i = 0; i < count; ++i) {
    float x = in[i] / scale;  // as the operator is defined; a reciprocal rounds differently
    x = x == x ? x : 0.0f;
    x = x > low ? x : low;
    x = x < high ? x : high;
    const int32_t rounded = std::bit_cast<int32_t>(x + magic) - std::bit_cast<int32_t>(magic);
    out[i] = static_cast<uint8_t>(rounded + zero);
  }
}

void dequantize(const uint8_t* in, float* out, int64_t count, float scale, int32_t zero) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(static_cast<int32_t>(in[i]) - zero) * scale;
  }
}

void mix4(const float* top_left, const float* top_right, const float* bottom_left,
          const float* bottom_right, float x, float y, float* out, int64_t count) {
  const float a = (1.0f - x) * (1.0f - y);
  const float b = x * (1.0f - y);
  const float c = (1.0f - x) * y;
  const float d = x * y;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = a * top_left[i] + b * top_right[i] + c * bottom_left[i] + d * bottom_right[i];
  }
}
