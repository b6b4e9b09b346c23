// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target" and with the level's `width` (floats in a vector) and `most_rows` (of the
// input, whose sums with a panel of four vectors stay in registers).

#include "betimes/runtime/kernels/vector/functions.inl"

/// Vectors of the compiler's own (GCC, Clang): in registers, and as they lie in memory.
typedef float Vector __attribute__((vector_size(width * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(width * sizeof(float)), aligned(sizeof(float)), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
inline void store(Vector x, float* to) { *reinterpret_cast<Unaligned*>(to) = x; }

/// The first `count` floats, at most a vector; the rest is zero.
inline Vector load_first(const float* from, int64_t count) {
  if (count >= width) return load(from);
  alignas(64) float all[width] = {};
  for (int64_t i = 0; i < count; ++i) all[i] = from[i];
  return load(all);
}
inline void store_first(Vector x, float* to, int64_t count) {
  if (count >= width) return store(x, to);
  alignas(64) float all[width];
  store(x, all);
  for (int64_t i = 0; i < count; ++i) to[i] = all[i];
}

/// sums[rows][vectors] = in[rows, inner] times one panel. Few sums would wait for one another's
/// additions, so that several partial ones take turns.
template <int64_t rows, int64_t vectors>
inline void multiply(const float* weights, const float* in, int64_t in_stride, int64_t inner,
                     Vector (&sums)[rows][vectors]) {
  constexpr int64_t chains = rows * vectors;
  constexpr int64_t turns = chains >= 8 ? 1 : chains >= 4 ? 2 : chains >= 2 ? 4 : 8;
  Vector partial[turns][rows][vectors] = {};
  int64_t k = 0;
  for (; k + turns <= inner; k += turns, weights += turns * vectors * width) {
#pragma GCC unroll 8
    for (int64_t t = 0; t < turns; ++t) {
#pragma GCC unroll 4
      for (int64_t r = 0; r < rows; ++r) {
        const float x = in[r * in_stride + k + t];
#pragma GCC unroll 4
        for (int64_t v = 0; v < vectors; ++v) {
          partial[t][r][v] += load(weights + (t * vectors + v) * width) * x;
        }
      }
    }
  }
  for (; k < inner; ++k, weights += vectors * width) {
#pragma GCC unroll 4
    for (int64_t r = 0; r < rows; ++r) {
      const float x = in[r * in_stride + k];
#pragma GCC unroll 4
      for (int64_t v = 0; v < vectors; ++v) partial[0][r][v] += load(weights + v * width) * x;
    }
  }
#pragma GCC unroll 4
  for (int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; ++v) {
#pragma GCC unroll 8
      for (int64_t t = 1; t < turns; ++t) partial[0][r][v] += partial[t][r][v];
      sums[r][v] = partial[0][r][v];
    }
  }
}

/// Calls finish(panel, row, sums of that row) for panels [panel, end) and all rows of the input.
/// A panel serves all rows while it is in the nearest cache.
template <int64_t vectors, class Finish>
inline void over_panels(const Panels& panels, const float* in, int64_t in_stride, int64_t rows,
                        int64_t panel, int64_t end, const Finish& finish) {
  const int64_t size = panels.inner * vectors * width;
  for (; panel < end; ++panel) {
    const float* weights = panels.weights + panel * size;
    int64_t row = 0;
    const auto block = [&](auto count) {
      for (; row + count <= rows; row += count) {
        Vector sums[count][vectors];
        multiply(weights, in + row * in_stride, in_stride, panels.inner, sums);
        for (int64_t r = 0; r < count; ++r) finish(panel, row + r, sums[r]);
      }
    };
    if constexpr (most_rows >= 4) block(std::integral_constant<int64_t, 4>{});
    block(std::integral_constant<int64_t, 2>{});
    block(std::integral_constant<int64_t, 1>{});
  }
}

inline Vector at_least(Vector x, float low) { return x < low ? Vector{} + low : x; }
inline Vector at_most(Vector x, float high) { return x > high ? Vector{} + high : x; }

using ActivationKind = graph::Activation::Kind;

inline Vector activated(const graph::Activation& activation, Vector x) {
  switch (activation.kind) {
    case ActivationKind::none:
      return x;
    case ActivationKind::relu:
      return at_least(x, 0.0f);
    case ActivationKind::leaky_relu:
      return x < 0.0f ? x * activation.alpha : x;
    case ActivationKind::clip:
      return at_most(at_least(x, activation.alpha), activation.beta);
    case ActivationKind::sigmoid:
      return sigmoid_fast(x);
    case ActivationKind::hard_sigmoid:
      return at_most(at_least(x * activation.alpha + activation.beta, 0.0f), 1.0f);
    case ActivationKind::hard_swish:
      return x * at_most(at_least(x * (1.0f / 6.0f) + 0.5f, 0.0f), 1.0f);
    case ActivationKind::swish:
      return x * sigmoid_fast(x);
    case ActivationKind::tanh:
      return tanh_fast(x);
    case ActivationKind::elu:
      return x < 0.0f ? (exp_fast(x) - 1.0f) * activation.alpha : x;
  }
  return x;
}

template <int64_t vectors>
inline void product_of(const PanelProduct& p, int64_t panel, int64_t end) {
  over_panels<vectors>(p.panels, p.in, p.in_stride, p.rows, panel, end,
                       [&](int64_t at, int64_t row, Vector* sums) {
                         for (int64_t v = 0; v < vectors; ++v) {
                           const int64_t column = (at * vectors + v) * width;
                           if (column >= p.columns) return;
                           const Vector sum = p.bias ? sums[v] + load(p.bias + column) : sums[v];
                           store_first(activated(p.activation, sum),
                                       p.out + row * p.out_stride + column, p.columns - column);
                         }
                       });
}

void product(const PanelProduct& p, int64_t panel, int64_t end) {
  switch (p.panels.vectors) {
    case 1:
      return product_of<1>(p, panel, end);
    case 2:
      return product_of<2>(p, panel, end);
    case 3:
      return product_of<3>(p, panel, end);
    default:
      return product_of<4>(p, panel, end);
  }
}

using Function = graph::detail::RecurrentFunction;

/// What a gate's sum becomes: clipped, then through its function.
inline Vector gate(const Function& f, float clip, Vector x) {
  if (clip > 0) x = at_most(at_least(x, -clip), clip);
  switch (f.kind) {
    case Function::Kind::sigmoid:
      return sigmoid_fast(x);
    case Function::Kind::tanh:
      return tanh_fast(x);
    case Function::Kind::relu:
      return at_least(x, 0.0f);
    case Function::Kind::affine:
      return x * f.alpha + f.beta;
    case Function::Kind::leaky_relu:
      return x < 0.0f ? x * f.alpha : x;
    case Function::Kind::thresholded_relu:
      return x > f.alpha ? x : Vector{};
    case Function::Kind::scaled_tanh:
      return tanh_fast(x * f.beta) * f.alpha;
    case Function::Kind::hard_sigmoid:
      return at_most(at_least(x * f.alpha + f.beta, 0.0f), 1.0f);
    case Function::Kind::elu:
      return x < 0.0f ? (exp_fast(x) - 1.0f) * f.alpha : x;
    case Function::Kind::softsign:
      return x / (1.0f + (x < 0.0f ? -x : x));
    case Function::Kind::softplus:  // the kernel's factory refuses it
      break;
  }
  return x;
}

/// The input's share in the gates of a panel's units.
template <int64_t gates>
inline const float* projected(const RecurrentStep& s, int64_t panel, int64_t row) {
  return s.projected + row * s.projected_stride + panel * gates * width;
}

inline Vector before(const RecurrentStep& s, int64_t panel, int64_t row) {
  return load_first(s.h + row * s.h_stride + panel * width, s.hidden - panel * width);
}
inline void write(const RecurrentStep& s, int64_t panel, int64_t row, Vector h) {
  store_first(h, s.out + row * s.out_stride + panel * width, s.hidden - panel * width);
}

void rnn(const RecurrentStep& s, int64_t panel, int64_t end) {
  over_panels<1>(s.recurrences, s.h, s.h_stride, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   const Vector share = load(projected<1>(s, at, row));
                   write(s, at, row, gate(s.functions[0], s.clip, sums[0] + share));
                 });
}

void lstm(const RecurrentStep& s, int64_t panel, int64_t end) {
  enum : int64_t { in, out, forget, cell };
  over_panels<4>(s.recurrences, s.h, s.h_stride, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   const float* share = projected<4>(s, at, row);
                   const int64_t unit = at * width;
                   const auto sum = [&](int64_t g) { return sums[g] + load(share + g * width); };
                   const auto peep = [&](int64_t g, Vector c) {
                     return s.peepholes ? c * load(s.peepholes + g * s.padded + unit) : Vector{};
                   };
                   float* state = s.c + row * s.padded + unit;
                   Vector c = load(state);
                   const Vector into = gate(s.functions[0], s.clip, sum(in) + peep(0, c));
                   const Vector kept =
                       s.input_forget ? 1.0f - into
                                      : gate(s.functions[0], s.clip, sum(forget) + peep(2, c));
                   c = kept * c + into * gate(s.functions[1], s.clip, sum(cell));
                   store(c, state);
                   const Vector seen = gate(s.functions[0], s.clip, sum(out) + peep(1, c));
                   write(s, at, row, seen * gate(s.functions[2], 0.0f, c));
                 });
}

inline Vector blend(Vector update, Vector candidate, Vector h) {
  return (1.0f - update) * candidate + update * h;
}

void gru_linear_before_reset(const RecurrentStep& s, int64_t panel, int64_t end) {
  over_panels<3>(s.recurrences, s.h, s.h_stride, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   const float* share = projected<3>(s, at, row);
                   const Vector update = gate(s.functions[0], s.clip, sums[0] + load(share));
                   const Vector reset = gate(s.functions[0], s.clip, sums[1] + load(share + width));
                   const Vector back = reset * (sums[2] + load(s.candidate_bias + at * width));
                   const Vector candidate =
                       gate(s.functions[1], s.clip, load(share + 2 * width) + back);
                   write(s, at, row, blend(update, candidate, before(s, at, row)));
                 });
}

void gru_gates(const RecurrentStep& s, int64_t panel, int64_t end) {
  over_panels<2>(s.recurrences, s.h, s.h_stride, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   const float* share = projected<3>(s, at, row);
                   const int64_t place = row * s.padded + at * width;
                   store(gate(s.functions[0], s.clip, sums[0] + load(share)), s.update + place);
                   const Vector reset = gate(s.functions[0], s.clip, sums[1] + load(share + width));
                   store(reset * before(s, at, row), s.kept + place);
                 });
}

void gru_candidate(const RecurrentStep& s, int64_t panel, int64_t end) {
  over_panels<1>(s.candidate, s.kept, s.padded, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   const Vector share = load(projected<3>(s, at, row) + 2 * width);
                   const Vector candidate = gate(s.functions[1], s.clip, share + sums[0]);
                   const Vector update = load(s.update + row * s.padded + at * width);
                   write(s, at, row, blend(update, candidate, before(s, at, row)));
                 });
}
