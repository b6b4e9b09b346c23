// Included once per instruction-set level, inside that level's namespace, after panels.inl.

typedef int32_t Integers __attribute__((vector_size(width * 4)));
typedef int16_t Shorts __attribute__((vector_size(width * 4)));
typedef int8_t Signed __attribute__((vector_size(width * 2)));
typedef int8_t UnalignedSigned __attribute__((vector_size(width * 2), aligned(1), may_alias));
typedef int32_t UnalignedIntegers __attribute__((vector_size(width * 4), aligned(4), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(width)));
typedef uint8_t UnalignedBytes __attribute__((vector_size(width), aligned(1), may_alias));

/// Products of neighbouring numbers, added in pairs. There is an instruction for it that GCC 12
/// doesn't find by itself. (A template, so that only a level's own instructions are compiled.)
template <class Pairs>
inline Integers add_products(Pairs a, Pairs b) {
#if defined(__x86_64__) && !defined(__clang__)
  if constexpr (sizeof(Pairs) == 64) return (Integers)_mm512_madd_epi16((__m512i)a, (__m512i)b);
  if constexpr (sizeof(Pairs) == 32) return (Integers)_mm256_madd_epi16((__m256i)a, (__m256i)b);
  if constexpr (sizeof(Pairs) == 16) return (Integers)_mm_madd_epi16((__m128i)a, (__m128i)b);
#endif
  const Integers x = (Integers)a;
  const Integers y = (Integers)b;
  return ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16);
}

/// sums[rows][vectors] = in[rows, inner] times one panel.
template <int64_t rows, int64_t vectors>
inline void multiply(const int8_t* weights, const uint8_t* in, int64_t inner,
                     Integers (&sums)[rows][vectors]) {
  for (int64_t k = 0; k < inner; k += 2, weights += vectors * 2 * width) {
    Shorts w[vectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < vectors; ++v) {
      const Signed eight =
          *reinterpret_cast<const UnalignedSigned*>(weights + v * 2 * width);
      w[v] = __builtin_convertvector(eight, Shorts);
    }
#pragma GCC unroll 4
    for (int64_t r = 0; r < rows; ++r) {
      const uint8_t* at = in + r * inner + k;
      const int32_t pair = at[0] | (k + 1 < inner ? at[1] << 16 : 0);
      const Shorts x = (Shorts)(Integers{} + pair);
#pragma GCC unroll 4
      for (int64_t v = 0; v < vectors; ++v) sums[r][v] += add_products(w[v], x);
    }
  }
}

inline void write(const IntegerPanelProduct& p, int64_t row, int64_t column, Integers sum) {
  const Integers offset = *reinterpret_cast<const UnalignedIntegers*>(p.offsets + column);
  const Vector exact = __builtin_convertvector(sum + offset, Vector);
  const Vector result =
      activated(p.activation, load(p.scales + column) * (exact + load(p.bias + column)));
  const int64_t count = p.columns - column;
  if (p.out) return store_first(result * p.after, p.out + row * p.columns + column, count);
  // Numbers of this range lose their fraction beside 1.5 * 2^23, to the nearest even one.
  constexpr float large = 12582912.0f;
  const Vector bounded = at_most(at_least(result * p.after + p.zero, 0.0f), 255.0f);
  const Bytes bytes =
      __builtin_convertvector(__builtin_convertvector((bounded + large) - large, Integers), Bytes);
  uint8_t* to = p.bytes + row * p.columns + column;
  if (count >= width) {
    *reinterpret_cast<UnalignedBytes*>(to) = bytes;
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = bytes[i];
  }
}

template <int64_t vectors>
inline void integer_product_of(const IntegerPanelProduct& p, int64_t panel, int64_t end) {
  const int64_t size = (p.inner + 1) / 2 * 2 * vectors * width;
  for (; panel < end; ++panel) {
    int64_t row = 0;
    const auto block = [&](auto count) {
      for (; row + count <= p.rows; row += count) {
        Integers sums[count][vectors] = {};
        multiply(p.weights + panel * size, p.in + row * p.inner, p.inner, sums);
        for (int64_t r = 0; r < count; ++r) {
          for (int64_t v = 0; v < vectors; ++v) {
            const int64_t column = (panel * vectors + v) * width;
            if (column < p.columns) write(p, row + r, column, sums[r][v]);
          }
        }
      }
    };
    if constexpr (most_rows >= 4) block(std::integral_constant<int64_t, 4>{});
    block(std::integral_constant<int64_t, 2>{});
    block(std::integral_constant<int64_t, 1>{});
  }
}

void integer_product(const IntegerPanelProduct& p, int64_t panel, int64_t end) {
  switch (p.vectors) {
    case 1:
      return integer_product_of<1>(p, panel, end);
    case 2:
      return integer_product_of<2>(p, panel, end);
    case 3:
      return integer_product_of<3>(p, panel, end);
    default:
      return integer_product_of<4>(p, panel, end);
  }
}
