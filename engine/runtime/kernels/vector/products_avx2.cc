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
#pragma GCC target("avx2,fma")

namespace betimes::runtime::avx2 {
namespace {
constexpr const char* level = "avx2";
constexpr int64_t width = 8;
constexpr int64_t most_rows = 2;
constexpr int64_t tile_vectors = 2;
constexpr int64_t tile_rows = 6;
}  // namespace
#include "betimes/runtime/kernels/vector/products.inl"
}  // namespace betimes::runtime::avx2

#pragma GCC pop_options
#endif
