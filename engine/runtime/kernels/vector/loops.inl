// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target" and the level's name and constants: loops over whole arrays, on vectors of `width` or
// plain ones that the compiler vectorises.

namespace {

#include "betimes/runtime/kernels/vector/functions.inl"
#include "betimes/runtime/kernels/vector/vectors.inl"

/// out[i] = f(in[i]...), a vector at a time.
template <class F>
inline void map(const float* in, float* out, int64_t count, const F& f) {
  int64_t i = 0;
  for (; i + width <= count; i += width) store(f(load(in + i)), out + i);
  if (i < count) store_first(f(load_first(in + i, count - i)), out + i, count - i);
}
template <class F>
inline void map(const float* a, const float* b, float* out, int64_t count, const F& f) {
  int64_t i = 0;
  for (; i + width <= count; i += width) store(f(load(a + i), load(b + i)), out + i);
  if (i == count) return;
  store_first(f(load_first(a + i, count - i), load_first(b + i, count - i)), out + i, count - i);
}

void activate(const graph::Activation& activation, const float* in, float* out, int64_t count) {
  with_activation(activation, [&](auto f) { map(in, out, count, f); });
}

/// ([=] even where nothing is captured: GCC forgets the level's target in a lambda's conversion to a
/// pointer, which [] would have.)
template <class Op>
inline void combine_with(const Op& op, const float* a, const float* b, int64_t b_step, float* out,
                         int64_t count, const graph::Activation& activation) {
  with_activation(activation, [&](auto f) {
    if (b_step == 0) {
      const Vector value = Vector{} + *b;
      map(a, out, count, [&](Vector x) { return f(op(x, value)); });
    } else {
      map(a, b, out, count, [&](Vector x, Vector y) { return f(op(x, y)); });
    }
  });
}

void combine(Arithmetic op, const float* a, const float* b, int64_t b_step, float* out,
             int64_t count, const graph::Activation& activation) {
  const auto run = [&](auto f) { combine_with(f, a, b, b_step, out, count, activation); };
  switch (op) {
    case Arithmetic::add:
      return run([=](Vector x, Vector y) { return x + y; });
    case Arithmetic::subtract:
      return run([=](Vector x, Vector y) { return x - y; });
    case Arithmetic::multiply:
      return run([=](Vector x, Vector y) { return x * y; });
    case Arithmetic::divide:
      return run([=](Vector x, Vector y) { return x / y; });
    case Arithmetic::maximum:
      return run([=](Vector x, Vector y) { return x > y ? x : y; });
    case Arithmetic::minimum:
      return run([=](Vector x, Vector y) { return x < y ? x : y; });
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

/// Calls run(at) with where vectors of `lanes` cover `count` >= lanes elements: side by side, the last
/// one overlapping the one before, so that nothing is left for single elements.
template <int64_t lanes, class Run>
inline void cover(int64_t count, const Run& run) {
  int64_t at = 0;
  for (; at + lanes <= count; at += lanes) run(at);
  if (at < count) run(count - lanes);
}

/// One output row of pooling: `fold(sum, value)` over the window, then finish(sum, taps).
/// `lanes` elements of T make one vector of the compiler's own (GCC, Clang); fewer channels than that
/// take narrower ones.
template <class T, int64_t lanes, class Fold, class Finish>
inline void pool_row(const ConvolutionShape& s, T start, const T* image, T* out, int64_t y,
                     const Fold& fold, const Finish& finish) {
  const int64_t c = s.in_channels;
  if constexpr (lanes > 1) {
    if (c < lanes) return pool_row<T, lanes / 2>(s, start, image, out, y, fold, finish);
  }
  typedef T Lanes __attribute__((vector_size(lanes * sizeof(T)), aligned(sizeof(T)), may_alias));
  const Reach rows = reach(y, s.stride_height, s.pad_top, s.dilation_height, s.kernel_height, s.in_height);
  const int64_t row_step = s.dilation_height * s.in_width * c;
  const int64_t step = s.dilation_width * c;
  for (int64_t x = 0; x < s.out_width; ++x, out += c) {
    const Reach columns = reach(x, s.stride_width, s.pad_left, s.dilation_width, s.kernel_width, s.in_width);
    const T* corner = image + (rows.first * s.in_width + columns.first) * c;
    const int64_t taps = rows.taps * columns.taps;
    cover<lanes>(c, [&](int64_t at) {
      Lanes sum = Lanes{} + start;
      for (int64_t ky = 0; ky < rows.taps; ++ky) {
        const T* p = corner + ky * row_step + at;
        for (int64_t kx = 0; kx < columns.taps; ++kx, p += step) {
          sum = fold(sum, *reinterpret_cast<const Lanes*>(p));
        }
      }
      *reinterpret_cast<Lanes*>(out + at) = finish(sum, taps);
    });
  }
}

template <class T, int64_t lanes>
inline void max_pool(const ConvolutionShape& s, const T* in, T* out, int64_t row, int64_t row_end) {
  const int64_t image = s.in_height * s.in_width * s.in_channels;
  // NaN is larger than everything, as in numpy: the comparison is written so that it wins.
  const auto larger = [](auto a, auto b) { return b > a || b != b ? b : a; };
  for (; row < row_end; ++row) {
    pool_row<T, lanes>(
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

/// fold(...fold(f(x0), f(x1))..., f(xn)) over a row, in as many partial results as vectors hold;
/// `neutral` changes nothing.
template <class F, class Fold>
inline float fold_row(const float* in, int64_t count, float neutral, const F& f, const Fold& fold) {
  Vector parts[2] = {Vector{} + neutral, Vector{} + neutral};
  int64_t i = 0;
  for (; i + 2 * width <= count; i += 2 * width) {
    parts[0] = fold(parts[0], f(load(in + i)));
    parts[1] = fold(parts[1], f(load(in + i + width)));
  }
  if (i + width <= count) {
    parts[0] = fold(parts[0], f(load(in + i)));
    i += width;
  }
  float result = across(fold(parts[0], parts[1]), fold);
  alignas(64) float rest[width];
  if (i < count) store(f(load_first(in + i, count - i)), rest);
  for (int64_t k = 0; k < count - i; ++k) result = fold(result, rest[k]);
  return result;
}

/// Sum of f(x) over a row.
template <class F>
inline float sum_row(const float* in, int64_t count, const F& f) {
  return fold_row(in, count, 0.0f, f, [](auto a, auto b) { return a + b; });
}

/// Calls run(neutral, f, fold) for what is folded and how.
template <class Run>
inline void with_fold(Fold fold, const Run& run) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto as_it_is = [](auto x) { return x; };
  const auto add = [](auto a, auto b) { return a + b; };
  switch (fold) {
    case Fold::sum:
      return run(0.0f, as_it_is, add);
    case Fold::sum_of_squares:
      return run(0.0f, [](auto x) { return x * x; }, add);
    case Fold::sum_of_sizes:
      return run(0.0f, [](auto x) { return x < 0.0f ? -x : x; }, add);
    case Fold::largest:
      return run(-infinity, as_it_is, [](auto best, auto x) { return (x > best) | (x != x) ? x : best; });
    case Fold::smallest:
      return run(infinity, as_it_is, [](auto best, auto x) { return (x < best) | (x != x) ? x : best; });
  }
}

float fold_row(Fold fold, const float* in, int64_t count) {
  float result = 0;
  with_fold(fold, [&](float neutral, auto f, auto join) {
    result = fold_row(in, count, neutral, f, join);
  });
  return result;
}

/// `vectors` of `lanes` columns at the places `at`, over all rows, which are `step` apart. Few vectors
/// take several rows at a time: additions then needn't wait for one another.
template <int64_t lanes, int64_t vectors, class F, class Join>
inline void fold_vectors(const float* in, float* out, int64_t rows, int64_t step, float neutral,
                         const int64_t* at, const F& f, const Join& join) {
  typedef float Lanes __attribute__((vector_size(lanes * sizeof(float)), aligned(sizeof(float)), may_alias));
  constexpr int64_t side_by_side = 4 / vectors;  // rows
  Lanes parts[side_by_side][vectors];
  for (auto& row : parts) {
    for (Lanes& part : row) part = Lanes{} + neutral;
  }
  int64_t r = 0;
  for (; r + side_by_side <= rows; r += side_by_side, in += side_by_side * step) {
#pragma GCC unroll 4
    for (int64_t k = 0; k < side_by_side; ++k) {
#pragma GCC unroll 4
      for (int64_t v = 0; v < vectors; ++v) {
        parts[k][v] = join(parts[k][v], f(*reinterpret_cast<const Lanes*>(in + k * step + at[v])));
      }
    }
  }
  for (; r < rows; ++r, in += step) {
    for (int64_t v = 0; v < vectors; ++v) {
      parts[0][v] = join(parts[0][v], f(*reinterpret_cast<const Lanes*>(in + at[v])));
    }
  }
  for (int64_t v = 0; v < vectors; ++v) {
    Lanes all = parts[0][v];
    for (int64_t k = 1; k < side_by_side; ++k) all = join(all, parts[k][v]);
    *reinterpret_cast<Lanes*>(out + at[v]) = all;
  }
}

/// Up to four vectors of columns at once; fewer columns than a vector has take narrower ones.
template <int64_t lanes, class F, class Join>
inline void fold_columns(const float* in, float* out, int64_t rows, int64_t columns, float neutral,
                         const F& f, const Join& join) {
  if constexpr (lanes > 1) {
    if (columns < lanes) return fold_columns<lanes / 2>(in, out, rows, columns, neutral, f, join);
  }
  int64_t places[4];
  int64_t vectors = 0;
  const auto run = [&]<int64_t count>() {
    fold_vectors<lanes, count>(in, out, rows, columns, neutral, places, f, join);
    vectors = 0;
  };
  cover<lanes>(columns, [&](int64_t at) {
    places[vectors++] = at;
    if (vectors == 4) run.template operator()<4>();
  });
  if (vectors == 3) run.template operator()<3>();
  if (vectors == 2) run.template operator()<2>();
  if (vectors == 1) run.template operator()<1>();
}

void fold_rows(Fold fold, const float* in, float* out, int64_t rows, int64_t columns) {
  with_fold(fold, [&](float neutral, auto f, auto join) {
    fold_columns<width>(in, out, rows, columns, neutral, f, join);
  });
}

inline float largest_of(const float* in, int64_t count) {
  return fold_row(
      in, count, in[0], [=](Vector x) { return x; },
      [](auto best, auto x) { return x > best ? x : best; });
}

void softmax(const float* in, float* out, int64_t count) {
  const float largest = largest_of(in, count);
  map(in, out, count, [=](Vector x) { return exp_or_zero(x - largest); });
  const float factor = 1.0f / sum_row(out, count, [=](Vector x) { return x; });
  map(out, out, count, [=](Vector x) { return x * factor; });
}

/// A vector takes as many rows, a number of each.
void softmax_narrow(const float* in, float* out, int64_t rows, int64_t count) {
  alignas(64) float columns[Loops::most_narrow][width] = {};
  for (int64_t row = 0; row < rows; row += width, in += width * count, out += width * count) {
    const int64_t here = std::min(width, rows - row);
    for (int64_t i = 0; i < here; ++i) {
      for (int64_t c = 0; c < count; ++c) columns[c][i] = in[i * count + c];
    }
    Vector largest = load(columns[0]);
    for (int64_t c = 1; c < count; ++c) {
      const Vector x = load(columns[c]);
      largest = x > largest ? x : largest;
    }
    Vector sum = {};
    for (int64_t c = 0; c < count; ++c) {
      const Vector x = exp_or_zero(load(columns[c]) - largest);
      store(x, columns[c]);
      sum += x;
    }
    const Vector factor = 1.0f / sum;
    for (int64_t c = 0; c < count; ++c) store(load(columns[c]) * factor, columns[c]);
    for (int64_t i = 0; i < here; ++i) {
      for (int64_t c = 0; c < count; ++c) out[i * count + c] = columns[c][i];
    }
  }
}

void log_softmax(const float* in, float* out, int64_t count) {
  const float largest = largest_of(in, count);
  const float sum = sum_row(in, count, [=](Vector x) { return exp_or_zero(x - largest); });
  const float shift = largest + std::log(sum);
  // NaN where the row holds an infinity, as the difference is by definition.
  map(in, out, count, [=](Vector x) { return x - shift; });
}

void layer_norm(const float* in, const float* scale, const float* bias, float* out, int64_t count,
                float epsilon) {
  const float share = 1.0f / static_cast<float>(count);
  const float mean = sum_row(in, count, [=](Vector x) { return x; }) * share;
  const float variance =
      sum_row(in, count, [mean](Vector x) { return (x - mean) * (x - mean); }) * share;
  const float factor = 1.0f / std::sqrt(variance + epsilon);
  if (bias) {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i] + bias[i];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (in[i] - mean) * factor * scale[i];
  }
}

}  // namespace

const Loops& vector_loops() {
  static constexpr Loops table = {
      level,   activate,       combine,     max_pool_f32, max_pool_u8, average_pool,
      softmax, softmax_narrow, log_softmax, quantize,     dequantize,  mix4,
      fold_row, fold_rows,     layer_norm};
  return table;
}
