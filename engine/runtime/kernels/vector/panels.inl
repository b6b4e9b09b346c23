// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target" and with the level's `width` (floats in a vector) and `most_rows` (of the
// input, whose sums with a panel of four vectors stay in registers).

#include "betimes/runtime/kernels/vector/functions.inl"
#include "betimes/runtime/kernels/vector/vectors.inl"

/// sums += weights[turns of rows of a panel] times as many numbers of each row of the input.
template <int64_t turns, int64_t rows, int64_t vectors>
inline void multiply_add(const float* weights, const float* in, int64_t in_stride,
                         Vector (&sums)[turns][rows][vectors]) {
#pragma GCC unroll 8
  for (int64_t t = 0; t < turns; ++t) {
    Vector w[vectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; ++v) w[v] = load(weights + (t * vectors + v) * width);
    if constexpr (rows > 1) keep(w);
#pragma GCC unroll 4
    for (int64_t r = 0; r < rows; ++r) {
      const float x = in[r * in_stride + t];
#pragma GCC unroll 4
      for (int64_t v = 0; v < vectors; ++v) sums[t][r][v] += w[v] * x;
    }
  }
}

/// sums[rows][vectors] = in[rows, inner] times one panel. Few sums would wait for one another's
/// additions, so that several partial ones take turns.
template <int64_t rows, int64_t vectors>
inline void multiply(const float* weights, const float* in, int64_t in_stride, int64_t inner,
                     Vector (&sums)[1][rows][vectors]) {
  constexpr int64_t chains = rows * vectors;
  constexpr int64_t turns = chains >= 8 ? 1 : chains >= 4 ? 2 : chains >= 2 ? 4 : 8;
  Vector partial[turns][rows][vectors] = {};
  int64_t k = 0;
  for (; k + turns <= inner; k += turns, weights += turns * vectors * width) {
    multiply_add(weights, in + k, in_stride, partial);
  }
#pragma GCC unroll 4
  for (int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; ++v) {
      sums[0][r][v] = partial[0][r][v];
#pragma GCC unroll 8
      for (int64_t t = 1; t < turns; ++t) sums[0][r][v] += partial[t][r][v];
    }
  }
  for (; k < inner; ++k, weights += vectors * width) {
    multiply_add(weights, in + k, in_stride, sums);
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
        Vector sums[1][count][vectors];
        multiply(weights, in + row * in_stride, in_stride, panels.inner, sums);
        for (int64_t r = 0; r < count; ++r) finish(panel, row + r, sums[0][r]);
      }
    };
    if constexpr (most_rows >= 4) {
      block(std::integral_constant<int64_t, 4>{});
      block(std::integral_constant<int64_t, 3>{});
    }
    block(std::integral_constant<int64_t, 2>{});
    block(std::integral_constant<int64_t, 1>{});
  }
}

inline Vector activated(const graph::Activation& activation, Vector x) {
  Vector result = x;
  with_activation(activation, [&](auto f) { result = f(x); });
  return result;
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

using Function = graph::RecurrentFunction;

/// The vectors of one gate (or of the cells) among a row's panels: at[i * step].
struct Gate {
  float* at;
  int64_t step;
  Vector operator[](int64_t i) const { return load(at + i * step); }
  void set(int64_t i, Vector x) const { store(x, at + i * step); }
};

template <class F>
inline void map(const Gate& gate, int64_t count, const F& f) {
  for (int64_t i = 0; i < count; ++i) gate.set(i, f(gate[i]));
}

/// What a gate's sums become: clipped, then through its function. All vectors of a row in one loop,
/// where many are under way at a time; one after the other they would wait for each division.
/// ([=] even where nothing is captured: GCC forgets the level's target in a lambda's conversion to
/// a pointer, which [] would have.)
void apply(const Function& f, float clip, const Gate& gate, int64_t count) {
  if (clip > 0) map(gate, count, [=](Vector x) { return at_most(at_least(x, -clip), clip); });
  const float a = f.alpha;
  const float b = f.beta;
  switch (f.kind) {
    case Function::Kind::sigmoid:
      return map(gate, count, [=](Vector x) { return sigmoid_fast(x); });
    case Function::Kind::tanh:
      return map(gate, count, [=](Vector x) { return tanh_fast(x); });
    case Function::Kind::relu:
      return map(gate, count, [=](Vector x) { return at_least(x, 0.0f); });
    case Function::Kind::affine:
      return map(gate, count, [=](Vector x) { return x * a + b; });
    case Function::Kind::leaky_relu:
      return map(gate, count, [=](Vector x) { return x < 0.0f ? x * a : x; });
    case Function::Kind::thresholded_relu:
      return map(gate, count, [=](Vector x) { return x > a ? x : Vector{}; });
    case Function::Kind::scaled_tanh:
      return map(gate, count, [=](Vector x) { return tanh_fast(x * b) * a; });
    case Function::Kind::hard_sigmoid:
      return map(gate, count, [=](Vector x) { return at_most(at_least(x * a + b, 0.0f), 1.0f); });
    case Function::Kind::elu:
      return map(gate, count, [=](Vector x) { return x < 0.0f ? (exp_fast(x) - 1.0f) * a : x; });
    case Function::Kind::softsign:
      return map(gate, count, [=](Vector x) { return x / (1.0f + (x < 0.0f ? -x : x)); });
    case Function::Kind::softplus:  // the kernel's factory refuses it
      return;
  }
}

/// Panels [panel, panel + count) of one sequence of the batch.
struct Row {
  const RecurrentStep& s;
  int64_t row, panel, count;

  int64_t unit(int64_t i) const { return (panel + i) * width; }
  Gate gate(int64_t gates, int64_t index) const {
    return {s.projected + row * s.projected_stride + (panel * gates + index) * width,
            gates * width};
  }
  Gate of(float* state) const { return {state + row * s.padded + panel * width, width}; }
  Vector h(int64_t i) const {
    return load_first(s.h + row * s.h_stride + unit(i), s.hidden - unit(i));
  }
  void write(int64_t i, Vector x) const {
    store_first(x, s.out + row * s.out_stride + unit(i), s.hidden - unit(i));
  }
  void apply_function(size_t function, const Gate& gate) const {
    apply(s.functions[function], s.clip, gate, count);
  }
};

/// Adds h's share to the `vectors` gates from `first` on among the input's shares in `gates` gates,
/// then calls update(row) for all sequences.
template <int64_t gates, int64_t first, int64_t vectors, class Update>
inline void step_over(const RecurrentStep& s, const Panels& panels, const float* h, int64_t h_stride,
                      int64_t panel, int64_t end, const Update& update) {
  over_panels<vectors>(panels, h, h_stride, s.batch, panel, end,
                       [&](int64_t at, int64_t row, const Vector* sums) {
                         float* share =
                             s.projected + row * s.projected_stride + (at * gates + first) * width;
                         for (int64_t v = 0; v < vectors; ++v) {
                           store(load(share + v * width) + sums[v], share + v * width);
                         }
                       });
  for (int64_t row = 0; row < s.batch; ++row) update(Row{s, row, panel, end - panel});
}

void rnn(const RecurrentStep& s, int64_t panel, int64_t end) {
  step_over<1, 0, 1>(s, s.recurrences, s.h, s.h_stride, panel, end, [](const Row& r) {
    const Gate gate = r.gate(1, 0);
    r.apply_function(0, gate);
    for (int64_t i = 0; i < r.count; ++i) r.write(i, gate[i]);
  });
}

inline void add_peepholes(const Row& r, int64_t part, const Gate& gate) {
  const Gate c = r.of(r.s.c);
  const float* weights = r.s.peepholes + part * r.s.padded;
  for (int64_t i = 0; i < r.count; ++i) gate.set(i, gate[i] + load(weights + r.unit(i)) * c[i]);
}

inline void update_cells(const Row& r) {
  const Gate in = r.gate(4, 0);
  const Gate out = r.gate(4, 1);
  const Gate forget = r.gate(4, 2);
  const Gate cell = r.gate(4, 3);
  const Gate c = r.of(r.s.c);
  if (r.s.peepholes) {
    add_peepholes(r, 0, in);
    add_peepholes(r, 2, forget);
  }
  r.apply_function(0, in);
  if (r.s.input_forget) {
    for (int64_t i = 0; i < r.count; ++i) forget.set(i, 1.0f - in[i]);
  } else {
    r.apply_function(0, forget);
  }
  r.apply_function(1, cell);
  for (int64_t i = 0; i < r.count; ++i) {
    c.set(i, forget[i] * c[i] + in[i] * cell[i]);
    cell.set(i, c[i]);
  }
  if (r.s.peepholes) add_peepholes(r, 1, out);
  r.apply_function(0, out);
  apply(r.s.functions[2], 0.0f, cell, r.count);
  for (int64_t i = 0; i < r.count; ++i) r.write(i, out[i] * cell[i]);
}

void lstm(const RecurrentStep& s, int64_t panel, int64_t end) {
  step_over<4, 0, 4>(s, s.recurrences, s.h, s.h_stride, panel, end, update_cells);
}

/// h = (1 - update) candidate + update h.
inline void blend(const Row& r, const Gate& update, const Gate& candidate) {
  for (int64_t i = 0; i < r.count; ++i) {
    const Vector z = update[i];
    r.write(i, (1.0f - z) * candidate[i] + z * r.h(i));
  }
}

void gru_linear_before_reset(const RecurrentStep& s, int64_t panel, int64_t end) {
  // The candidate's two shares meet only after the reset: h's waits in `kept`.
  over_panels<3>(s.recurrences, s.h, s.h_stride, s.batch, panel, end,
                 [&](int64_t at, int64_t row, const Vector* sums) {
                   float* share = s.projected + row * s.projected_stride + at * 3 * width;
                   store(load(share) + sums[0], share);
                   store(load(share + width) + sums[1], share + width);
                   store(load(s.candidate_bias + at * width) + sums[2],
                         s.kept + row * s.padded + at * width);
                 });
  for (int64_t row = 0; row < s.batch; ++row) {
    const Row r{s, row, panel, end - panel};
    const Gate update = r.gate(3, 0);
    const Gate reset = r.gate(3, 1);
    const Gate candidate = r.gate(3, 2);
    const Gate back = r.of(s.kept);
    r.apply_function(0, update);
    r.apply_function(0, reset);
    for (int64_t i = 0; i < r.count; ++i) candidate.set(i, candidate[i] + reset[i] * back[i]);
    r.apply_function(1, candidate);
    blend(r, update, candidate);
  }
}

void gru_gates(const RecurrentStep& s, int64_t panel, int64_t end) {
  step_over<3, 0, 2>(s, s.recurrences, s.h, s.h_stride, panel, end, [&](const Row& r) {
    const Gate reset = r.gate(3, 1);
    const Gate kept = r.of(s.kept);
    r.apply_function(0, r.gate(3, 0));
    r.apply_function(0, reset);
    for (int64_t i = 0; i < r.count; ++i) kept.set(i, reset[i] * r.h(i));
  });
}

void gru_candidate(const RecurrentStep& s, int64_t panel, int64_t end) {
  step_over<3, 2, 1>(s, s.candidate, s.kept, s.padded, panel, end, [](const Row& r) {
    const Gate candidate = r.gate(3, 2);
    r.apply_function(1, candidate);
    blend(r, r.gate(3, 0), candidate);
  });
}
