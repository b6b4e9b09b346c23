// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target": plain loops that the compiler vectorises for the level.

using Kind = graph::Activation::Kind;

#include "betimes/runtime/kernels/vector/functions.inl"

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
    case Kind::gelu:
      return run([](float x) { return gelu_fast(x); });
    case Kind::gelu_tanh:
      return run([](float x) { return gelu_tanh_fast(x); });
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

/// The part of a window that lies inside the image, along one axis: input positions
/// first, first + dilation, ... `taps` of them.
struct Reach {
  int64_t first = 0, taps = 0;
};
inline Reach reach(int64_t out, int64_t stride, int64_t pad, int64_t dilation, int64_t kernel,
                   int64_t in) {
  const int64_t start = out * stride - pad;
  const int64_t skip = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int64_t end = start >= in ? 0 : (in - 1 - start) / dilation + 1;
  const int64_t last = end < kernel ? end : kernel;
  return {start + skip * dilation, last > skip ? last - skip : 0};
}

/// Calls block(c, count) over the channels, `width` at a time: the block's sums stay in registers.
template <int64_t width, class Block>
inline void over_channels(int64_t channels, const Block& block) {
  int64_t c = 0;
  for (; c + width <= channels; c += width) block(c, std::integral_constant<int64_t, width>{});
  for (; c < channels; ++c) block(c, std::integral_constant<int64_t, 1>{});
}

/// One output row of pooling: `fold(sum, value)` over the window, then finish(sum, taps).
/// `width` elements of T make one vector of the compiler's own (GCC, Clang).
template <class T, int64_t width, class Fold, class Finish>
inline void pool_row(const ConvolutionShape& s, T start, const T* image, T* out, int64_t y,
                     const Fold& fold, const Finish& finish) {
  typedef T Vector __attribute__((vector_size(width * sizeof(T)), aligned(sizeof(T)), may_alias));
  const int64_t c = s.in_channels;
  const Reach rows = reach(y, s.stride_height, s.pad_top, s.dilation_height, s.kernel_height, s.in_height);
  const int64_t row_step = s.dilation_height * s.in_width * c;
  const int64_t step = s.dilation_width * c;
  for (int64_t x = 0; x < s.out_width; ++x, out += c) {
    const Reach columns = reach(x, s.stride_width, s.pad_left, s.dilation_width, s.kernel_width, s.in_width);
    const T* corner = image + (rows.first * s.in_width + columns.first) * c;
    const int64_t taps = rows.taps * columns.taps;
    int64_t at = 0;
    for (; at + width <= c; at += width) {
      Vector sum = Vector{} + start;
      for (int64_t ky = 0; ky < rows.taps; ++ky) {
        const T* p = corner + ky * row_step + at;
        for (int64_t kx = 0; kx < columns.taps; ++kx, p += step) {
          sum = fold(sum, *reinterpret_cast<const Vector*>(p));
        }
      }
      *reinterpret_cast<Vector*>(out + at) = finish(sum, taps);
    }
    for (; at < c; ++at) {
      T sum = start;
      for (int64_t ky = 0; ky < rows.taps; ++ky) {
        for (int64_t kx = 0; kx < columns.taps; ++kx) {
          sum = fold(sum, corner[ky * row_step + kx * step + at]);
        }
      }
      out[at] = finish(sum, taps);
    }
  }
}

template <class T, int64_t width>
inline void max_pool(const ConvolutionShape& s, const T* in, T* out, int64_t row, int64_t row_end) {
  const int64_t image = s.in_height * s.in_width * s.in_channels;
  // NaN is larger than everything, as in numpy: the comparison is written so that it wins.
  const auto larger = [](auto a, auto b) { return b > a || b != b ? b : a; };
  for (; row < row_end; ++row) {
    pool_row<T, width>(
        s, std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : T{0},
        in + row / s.out_height * image, out + row * s.out_width * s.in_channels,
        row % s.out_height, larger, [](auto best, int64_t) { return best; });
  }
}

void max_pool_f32(const ConvolutionShape& shape, const float* in, float* out, int64_t row,
                  int64_t row_end) {
  max_pool<float, vector_floats>(shape, in, out, row, row_end);
}
void max_pool_u8(const ConvolutionShape& shape, const uint8_t* in, uint8_t* out, int64_t row,
                 int64_t row_end) {
  max_pool<uint8_t, 16>(shape, in, out, row, row_end);
}

void average_pool(const ConvolutionShape& s, bool count_padding, const float* in, float* out,
                  int64_t row, int64_t row_end) {
  const int64_t image = s.in_height * s.in_width * s.in_channels;
  const int64_t all = s.kernel_height * s.kernel_width;
  for (; row < row_end; ++row) {
    pool_row<float, vector_floats>(
        s, 0.0f, in + row / s.out_height * image, out + row * s.out_width * s.in_channels,
        row % s.out_height, [](auto a, auto b) { return a + b; },
        [&](auto sum, int64_t taps) {
          return sum * (1.0f / static_cast<float>(count_padding ? all : taps));
        });
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

/// fold(fold(start, x0), x1)... over a row, in as many partial results as the compiler needs to
/// vectorise it; join() makes one of two. `start` changes nothing.
template <class Fold, class Join>
inline float fold_row(const float* in, int64_t count, float start, const Fold& fold,
                      const Join& join) {
  constexpr int64_t lanes = 16;
  float parts[lanes];
  for (float& part : parts) part = start;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int64_t k = 0; k < lanes; ++k) parts[k] = fold(parts[k], in[i + k]);
  }
  float result = start;
  for (; i < count; ++i) result = fold(result, in[i]);
  for (const float part : parts) result = join(result, part);
  return result;
}

/// Sum of f(x) over a row.
template <class F>
inline float sum_row(const float* in, int64_t count, const F& f) {
  return fold_row(
      in, count, 0.0f, [&](float sum, float x) { return sum + f(x); },
      [](float a, float b) { return a + b; });
}

inline float largest_of(const float* in, int64_t count) {
  const auto larger = [](float best, float x) { return x > best ? x : best; };
  return fold_row(in, count, in[0], larger, larger);
}

void softmax(const float* in, float* out, int64_t count) {
  const float largest = largest_of(in, count);
  for (int64_t i = 0; i < count; ++i) out[i] = exp_or_zero(in[i] - largest);
  const float factor = 1.0f / sum_row(out, count, [](float x) { return x; });
  for (int64_t i = 0; i < count; ++i) out[i] *= factor;
}

void log_softmax(const float* in, float* out, int64_t count) {
  const float largest = largest_of(in, count);
  const float sum = sum_row(in, count, [=](float x) { return exp_or_zero(x - largest); });
  const float shift = largest + std::log(sum);
  // NaN where the row holds an infinity, as the difference is by definition.
  for (int64_t i = 0; i < count; ++i) out[i] = in[i] - shift;
}

void layer_norm(const float* in, const float* scale, const float* bias, float* out, int64_t count,
                float epsilon) {
  const float share = 1.0f / static_cast<float>(count);
  const float mean = sum_row(in, count, [](float x) { return x; }) * share;
  const float variance =
      sum_row(in, count, [mean](float x) { return (x - mean) * (x - mean); }) * share;
  const float factor = 1.0f / std::sqrt(variance + epsilon);
  if (bias) {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i] + bias[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i];
  }
}
