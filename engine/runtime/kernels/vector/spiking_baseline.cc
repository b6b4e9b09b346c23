#include <bit>
#include <cstdint>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace betimes::runtime::baseline {
namespace {
constexpr const char* level = "baseline";
constexpr int64_t width = 4;
constexpr int64_t tile_blocks = 2;
constexpr int64_t window_blocks = 1;
template <class Integers>
inline uint64_t signs(Integers x) {
#ifdef __SSE2__
  return static_cast<uint64_t>(_mm_movemask_ps(reinterpret_cast<__m128>(x)));
#else
  return signs_one_by_one(x, width);
#endif
}
}  // namespace
#include "betimes/runtime/kernels/vector/spiking.inl"
}  // namespace betimes::runtime::baseline
