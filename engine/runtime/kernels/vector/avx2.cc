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
constexpr int64_t vector_floats = 8;
constexpr int64_t width = 8;
#include "betimes/runtime/kernels/vector/loops.inl"
}  // namespace

const Loops& vector_loops() {
  static constexpr Loops table = {"avx2",       activate,  combine,  max_pool_f32, max_pool_u8,
                                  average_pool, mean_rows, softmax,  log_softmax,  quantize,
                                  dequantize,   mix4,      fold_row, fold_rows,    layer_norm};
  return table;
}

}  // namespace betimes::runtime::avx2

#pragma GCC pop_options
#endif
