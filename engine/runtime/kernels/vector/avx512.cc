#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=256")

namespace betimes::runtime::avx512 {
namespace {
constexpr int64_t vector_floats = 8;
constexpr int64_t width = 16;
#include "betimes/runtime/kernels/vector/loops.inl"
}  // namespace

const Loops& vector_loops() {
  static constexpr Loops table = {"avx512",     activate,  combine,  max_pool_f32, max_pool_u8,
                                  average_pool, mean_rows, softmax,  log_softmax,  quantize,
                                  dequantize,   mix4,      fold_row, fold_rows,    layer_norm};
  return table;
}

}  // namespace betimes::runtime::avx512

#pragma GCC pop_options
#endif
