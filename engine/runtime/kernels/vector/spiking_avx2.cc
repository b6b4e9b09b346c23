#include <bit>
#include <cstdint>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2")

namespace betimes::runtime::avx2 {
namespace {
constexpr const char* level = "avx2";
constexpr int64_t width = 8;
constexpr int64_t tile_blocks = 4;
constexpr int64_t window_blocks = 2;
template <class Integers>
inline uint64_t signs(Integers x) {
#ifdef __AVX2__
  return static_cast<uint64_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(x)));
#else  // Clang knows no "#pragma GCC target"
  return signs_one_by_one(x, width);
#endif
}
}  // namespace
#include "betimes/runtime/kernels/vector/spiking.inl"
}  // namespace betimes::runtime::avx2

#pragma GCC pop_options
#endif
