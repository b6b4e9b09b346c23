// Vectors of `width` floats, a constant of the level. Included once per instruction-set level, inside
// that level's namespace, by whatever file of loops wants them.

/// Vectors of the compiler's own (GCC, Clang): in registers, and as they lie in memory.
typedef float Vector __attribute__((vector_size(width * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(width * sizeof(float)), aligned(sizeof(float)), may_alias));

typedef float Four __attribute__((vector_size(16)));
typedef float UnalignedFour __attribute__((vector_size(16), aligned(sizeof(float)), may_alias));

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

/// Has the weights loaded once: GCC 12 likes to load them again for each row, which halves the speed
/// of two rows whose weights come from the second cache. (Clang knows no "#pragma GCC target", and has
/// no register of such a width then.)
template <int64_t vectors>
inline void keep([[maybe_unused]] Vector (&w)[vectors]) {
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC unroll 4
  for (int64_t v = 0; v < vectors; ++v) asm("" : "+v"(w[v]));
#endif
}

/// All numbers of a vector folded to one, by halves: one after the other they would wait.
template <class F>
inline float across(Vector x, const F& f) {
  alignas(64) float all[width];
  store(x, all);
  Four quarter = *reinterpret_cast<const UnalignedFour*>(all);
  for (int64_t i = 4; i < width; i += 4) {
    quarter = f(quarter, *reinterpret_cast<const UnalignedFour*>(all + i));
  }
  return f(f(quarter[0], quarter[1]), f(quarter[2], quarter[3]));
}
