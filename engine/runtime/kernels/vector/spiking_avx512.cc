#include <bit>
#include <cstdint>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

namespace betimes::runtime::avx512 {
namespace {
constexpr const char* level = "avx512";
constexpr int64_t width = 16;
constexpr int64_t tile_blocks = 4;
constexpr int64_t window_blocks = 4;
template <class Integers>
inline uint64_t signs(Integers x) {
#ifdef __AVX512DQ__
  return static_cast<uint64_t>(_mm512_movepi32_mask(reinterpret_cast<__m512i>(x)));
#else  // Clang knows no "#pragma GCC target"
  return signs_one_by_one(x, width);
#endif
}
}  // namespace
#include "betimes/runtime/kernels/vector/spiking.inl"
}  // namespace betimes::runtime::avx512

#pragma GCC pop_options
#endif
