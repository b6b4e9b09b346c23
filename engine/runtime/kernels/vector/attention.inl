// Included once per instruction-set level, inside that level's namespace, after
// "#pragma GCC target", with the level's `width` (floats in a vector), `tile_vectors` and `tile_rows`
// (as many sums as registers hold), and after panels.inl.
//
// The keys pass by in blocks whose packed panels stay in the second cache; each row of queries keeps
// its largest score and its sum so far, and rescales when a larger one comes (Milakov and Gimelshein,
// "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022). Scores never
// leave the nearest cache.

/// The second matrix of a product, [inner, columns], in panels of `panel_columns` adjacent columns (the
/// last one of as many vectors as are left): element (k, c) of panel p lies at
/// data[p * panel_step + k * row_step + c].
constexpr int64_t panel_columns = tile_vectors * width;
struct Strips {
  const float* data;
  int64_t panel_step, row_step;
};

inline int64_t rounded_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

/// to[i * to_step + j] = from[j * from_step + i], i and j below 4.
inline void transpose4(const float* from, int64_t from_step, float* to, int64_t to_step) {
  const auto row = [&](int64_t j) -> Four {
    return *reinterpret_cast<const UnalignedFour*>(from + j * from_step);
  };
  const Four a = row(0), b = row(1), c = row(2), d = row(3);
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const auto put = [&](int64_t i, Four x) { *reinterpret_cast<UnalignedFour*>(to + i * to_step) = x; };
  put(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  put(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  put(2, __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5));
  put(3, __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7));
}

/// One panel of `filled` columns, zero up to whole vectors.
inline void pack_panel(const float* from, int64_t inner, int64_t filled, int64_t row_stride,
                       int64_t column_stride, float* to) {
  int64_t c = 0;
  if (row_stride == 1) {
    for (; c + 4 <= filled; c += 4) {
      int64_t k = 0;
      for (; k + 4 <= inner; k += 4) {
        transpose4(from + c * column_stride + k, column_stride, to + k * panel_columns + c,
                   panel_columns);
      }
      for (; k < inner; ++k) {
        for (int64_t i = c; i < c + 4; ++i) to[k * panel_columns + i] = from[i * column_stride + k];
      }
    }
  }
  for (int64_t k = 0; k < inner; ++k) {
    float* row = to + k * panel_columns;
    const float* source = from + k * row_stride;
    if (column_stride == 1) {
      for (int64_t i = c; i < filled; ++i) row[i] = source[i];
    } else {
      for (int64_t i = c; i < filled; ++i) row[i] = source[i * column_stride];
    }
    for (int64_t i = filled; i < rounded_up(filled, width); ++i) row[i] = 0.0f;
  }
}

/// The matrix as panels: where it lies if it lies so, packed into `space` otherwise. (Rows that lie
/// apart could be read in place too, but no prefetcher follows them.)
inline Strips as_strips(const float* from, int64_t inner, int64_t columns, int64_t row_stride,
                        int64_t column_stride, float* space) {
  if (column_stride == 1 && row_stride == columns && columns <= panel_columns &&
      columns % width == 0) {
    return {from, panel_columns, row_stride};
  }
  for (int64_t c = 0; c < columns; c += panel_columns) {
    pack_panel(from + c * column_stride, inner,
               columns - c < panel_columns ? columns - c : panel_columns, row_stride, column_stride,
               space + c * inner);
  }
  return {space, panel_columns * inner, panel_columns};
}

/// sums[rows][vectors] += a[rows, inner] times one panel.
template <int64_t rows, int64_t vectors>
inline void tile(const float* a, int64_t a_step, const float* b, int64_t b_step, int64_t inner,
                 Vector (&sums)[rows][vectors]) {
  for (int64_t k = 0; k < inner; ++k, b += b_step) {
    Vector w[vectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; ++v) w[v] = load(b + v * width);
    if constexpr (rows > 1) keep(w);
#pragma GCC unroll 8
    for (int64_t r = 0; r < rows; ++r) {
      const float x = a[r * a_step + k];
#pragma GCC unroll 4
      for (int64_t v = 0; v < vectors; ++v) sums[r][v] += w[v] * x;
    }
  }
}

/// Calls run(first column, integral_constant of its vectors) for each panel.
template <class Run>
inline void over_columns(int64_t columns, const Run& run) {
  int64_t c = 0;
  for (; c + panel_columns <= columns; c += panel_columns) {
    run(c, std::integral_constant<int64_t, tile_vectors>{});
  }
  const int64_t vectors = (columns - c + width - 1) / width;
  if constexpr (tile_vectors >= 4) {
    if (vectors == 4) return run(c, std::integral_constant<int64_t, 4>{});
    if (vectors == 3) return run(c, std::integral_constant<int64_t, 3>{});
  }
  if (vectors == 2) return run(c, std::integral_constant<int64_t, 2>{});
  if (vectors == 1) run(c, std::integral_constant<int64_t, 1>{});
}

/// How a head's work is cut, and the scratch memory of it, in floats.
struct AttentionBlocks {
  int64_t key_block, value_columns;  // the latter padded
  int64_t keys_size, values_size, scores_size, query_size, sums_size, rows_size;
};
inline AttentionBlocks blocks_of(const AttentionWork& work) {
  const graph::AttentionShape& s = work.shape;
  AttentionBlocks b;
  constexpr int64_t cached = 16384;  // floats of a block of keys: with its values an eighth of a MiB
  const int64_t fitting = cached / (s.depth > 0 ? s.depth : 1) / panel_columns * panel_columns;
  const int64_t all = rounded_up(s.keys, panel_columns);
  b.key_block = fitting < panel_columns ? panel_columns : fitting < all ? fitting : all;
  b.value_columns = rounded_up(s.value_depth, panel_columns);
  b.keys_size = rounded_up(b.key_block * s.depth, 16);
  b.values_size = rounded_up(b.key_block * b.value_columns, 16);
  b.scores_size = rounded_up(tile_rows * b.key_block, 16);
  b.query_size = rounded_up(tile_rows * s.depth, 16);
  b.sums_size = rounded_up(work.query_block * b.value_columns, 16);
  b.rows_size = rounded_up(work.query_block, 16);
  return b;
}

size_t attention_scratch(const AttentionWork& work) {
  const AttentionBlocks b = blocks_of(work);
  return static_cast<size_t>(b.keys_size + b.values_size + b.scores_size + b.query_size +
                             b.sums_size + 2 * b.rows_size);
}

/// A unit at work: the queries from `first`, one head, the keys of one block.
struct AttentionUnit {
  const graph::AttentionShape& shape;
  const AttentionBlocks& blocks;
  const AttentionData& data;
  int64_t head = 0, first = 0;
  int64_t key = 0, keys = 0;
  Strips keys_packed{}, values_packed{};
  float* scores = nullptr;
  float* query = nullptr;
  float* sums = nullptr;     // [query_block, value_columns]: what the keys so far make
  float* largest = nullptr;  // [query_block]: score so far
  float* total = nullptr;    // [query_block]: of exp(score - largest)
};

inline void add_mask(const AttentionUnit& u, int64_t row, float* scores) {
  const graph::HeadMatrix& m = u.shape.mask;
  const float* mask = u.data.mask + m.heads[static_cast<size_t>(u.head)] +
                      (u.first + row) * m.row_stride + u.key * m.column_stride;
  if (m.column_stride == 1) {
    for (int64_t i = 0; i < u.keys; ++i) scores[i] += mask[i];
  } else {
    for (int64_t i = 0; i < u.keys; ++i) scores[i] += mask[i * m.column_stride];
  }
}

/// Makes a row's scores exp(score - largest) and returns what the sums so far must be multiplied by.
inline float normalize(const AttentionUnit& u, int64_t row, float* scores) {
  const int64_t padded = rounded_up(u.keys, width);
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  for (int64_t i = u.keys; i < padded; ++i) scores[i] = lowest;
  Vector top[2] = {Vector{} + lowest, Vector{} + lowest};
  const auto larger = [](auto a, auto b) { return b > a ? b : a; };
  int64_t i = 0;
  for (; i + 2 * width <= padded; i += 2 * width) {
    top[0] = larger(top[0], load(scores + i));
    top[1] = larger(top[1], load(scores + i + width));
  }
  if (i < padded) top[0] = larger(top[0], load(scores + i));
  const float before = u.largest[row];
  const float now = larger(before, across(larger(top[0], top[1]), larger));
  const float base = now == lowest ? 0.0f : now;  // all masked so far: shares of nothing
  Vector sum[2] = {Vector{}, Vector{}};
  for (i = 0; i + 2 * width <= padded; i += 2 * width) {
    const Vector x = exp_or_zero(load(scores + i) - base);
    const Vector y = exp_or_zero(load(scores + i + width) - base);
    store(x, scores + i);
    store(y, scores + i + width);
    sum[0] += x;
    sum[1] += y;
  }
  if (i < padded) {
    const Vector x = exp_or_zero(load(scores + i) - base);
    store(x, scores + i);
    sum[0] += x;
  }
  const float factor = exp_or_zero(before - base);
  u.largest[row] = now;
  u.total[row] = u.total[row] * factor + across(sum[0] + sum[1], [](auto a, auto b) { return a + b; });
  return factor;
}

/// The queries' rows, their columns adjacent.
template <int64_t rows>
inline const float* query_rows(const AttentionUnit& u, int64_t row, int64_t& step) {
  const graph::HeadMatrix& q = u.shape.query;
  const float* from = u.data.query + q.heads[static_cast<size_t>(u.head)] + (u.first + row) * q.row_stride;
  step = q.row_stride;
  if (q.column_stride == 1) return from;
  step = u.shape.depth;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t d = 0; d < u.shape.depth; ++d) {
      u.query[r * step + d] = from[r * q.row_stride + d * q.column_stride];
    }
  }
  return u.query;
}

template <int64_t rows>
void attend(const AttentionUnit& u, int64_t row) {
  const AttentionBlocks& b = u.blocks;
  int64_t step = 0;
  const float* q = query_rows<rows>(u, row, step);
  over_columns(u.keys, [&](int64_t c, auto vectors) {
    Vector sums[rows][vectors] = {};
    tile(q, step, u.keys_packed.data + c / panel_columns * u.keys_packed.panel_step,
         u.keys_packed.row_step, u.shape.depth, sums);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t v = 0; v < vectors; ++v) {
        store(sums[r][v] * u.shape.scale, u.scores + r * b.key_block + c + v * width);
      }
    }
  });
  float factor[rows];
  for (int64_t r = 0; r < rows; ++r) {
    float* scores = u.scores + r * b.key_block;
    if (u.data.mask) add_mask(u, row + r, scores);
    factor[r] = normalize(u, row + r, scores);
  }
  over_columns(u.shape.value_depth, [&](int64_t c, auto vectors) {
    float* out = u.sums + row * b.value_columns + c;
    Vector sums[rows][vectors];
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t v = 0; v < vectors; ++v) {
        sums[r][v] = u.key == 0 ? Vector{} : load(out + r * b.value_columns + v * width) * factor[r];
      }
    }
    tile(u.scores, b.key_block, u.values_packed.data + c / panel_columns * u.values_packed.panel_step,
         u.values_packed.row_step, u.keys, sums);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t v = 0; v < vectors; ++v) store(sums[r][v], out + r * b.value_columns + v * width);
    }
  });
}

void attend_rows(const AttentionUnit& u, int64_t count) {
  int64_t row = 0;
  for (; row + tile_rows <= count; row += tile_rows) attend<tile_rows>(u, row);
  for (; row + 4 <= count; row += 4) attend<4>(u, row);
  for (; row + 2 <= count; row += 2) attend<2>(u, row);
  for (; row < count; ++row) attend<1>(u, row);
}

void write_rows(const AttentionUnit& u, int64_t count) {
  const graph::HeadMatrix& o = u.shape.output;
  for (int64_t row = 0; row < count; ++row) {
    const float factor = 1.0f / u.total[row];
    const float* sums = u.sums + row * u.blocks.value_columns;
    float* out = u.data.output + o.heads[static_cast<size_t>(u.head)] + (u.first + row) * o.row_stride;
    if (o.column_stride == 1) {
      for (int64_t i = 0; i < u.shape.value_depth; ++i) out[i] = sums[i] * factor;
    } else {
      for (int64_t i = 0; i < u.shape.value_depth; ++i) out[i * o.column_stride] = sums[i] * factor;
    }
  }
}

void attention(const AttentionWork& work, const AttentionData& data, int64_t unit, int64_t end,
               float* scratch) {
  const graph::AttentionShape& s = work.shape;
  const AttentionBlocks b = blocks_of(work);
  AttentionUnit u{s, b, data};
  float* keys_space = scratch;
  float* values_space = keys_space + b.keys_size;
  u.scores = values_space + b.values_size;
  u.query = u.scores + b.scores_size;
  u.sums = u.query + b.query_size;
  u.largest = u.sums + b.sums_size;
  u.total = u.largest + b.rows_size;
  const int64_t units_of_head = work.units_of_head();
  int64_t packed = -1;  // the head whose keys, all in one block, lie packed
  for (; unit < end; ++unit) {
    u.head = unit / units_of_head;
    u.first = unit % units_of_head * work.query_block;
    const int64_t rows =
        s.queries - u.first < work.query_block ? s.queries - u.first : work.query_block;
    for (int64_t row = 0; row < rows; ++row) {
      u.largest[row] = -std::numeric_limits<float>::infinity();
      u.total[row] = 0;
    }
    const size_t h = static_cast<size_t>(u.head);
    for (u.key = 0; u.key < s.keys; u.key += b.key_block) {
      u.keys = s.keys - u.key < b.key_block ? s.keys - u.key : b.key_block;
      if (packed != u.head) {
        u.keys_packed = as_strips(data.key + s.key.heads[h] + u.key * s.key.row_stride, s.depth, u.keys,
                                  s.key.column_stride, s.key.row_stride, keys_space);
        u.values_packed = as_strips(data.value + s.value.heads[h] + u.key * s.value.row_stride, u.keys,
                                    s.value_depth, s.value.row_stride,
                                    s.value.column_stride, values_space);
      }
      attend_rows(u, rows);
    }
    if (s.keys <= b.key_block) packed = u.head;
    write_rows(u, rows);
  }
}
