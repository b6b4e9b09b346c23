#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

namespace betimes::runtime::avx512 {
namespace {
constexpr const char* level = "avx512";
constexpr int64_t width = 16;
constexpr int64_t most_rows = 4;
constexpr int64_t tile_vectors = 4;
constexpr int64_t tile_rows = 6;
}  // namespace
#include "betimes/runtime/kernels/vector/products.inl"
}  // namespace betimes::runtime::avx512

#pragma GCC pop_options
#endif
