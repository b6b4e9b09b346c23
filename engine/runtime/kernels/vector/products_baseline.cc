#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

namespace betimes::runtime::baseline {
namespace {
constexpr const char* level = "baseline";
constexpr int64_t width = 4;
constexpr int64_t most_rows = 2;
constexpr int64_t tile_vectors = 2;
constexpr int64_t tile_rows = 6;
}  // namespace
#include "betimes/runtime/kernels/vector/products.inl"
}  // namespace betimes::runtime::baseline
