#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

namespace betimes::runtime::baseline {
namespace {
constexpr int64_t vector_floats = 4;
constexpr int64_t width = 4;
#include "betimes/runtime/kernels/vector/loops.inl"
}  // namespace

const Loops& vector_loops() {
  static constexpr Loops table = {"baseline",   activate,  combine,  max_pool_f32, max_pool_u8,
                                  average_pool, mean_rows, softmax,  log_softmax,  quantize,
                                  dequantize,   mix4,      fold_row, fold_rows,    layer_norm};
  return table;
}

}  // namespace betimes::runtime::baseline
