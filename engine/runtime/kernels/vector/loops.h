#pragma once

#include <cstdint>

#include "betimes/graph/elementwise.h"
#include "betimes/runtime/detail/convolution.h"

namespace betimes::runtime {

using graph::Arithmetic;

/// How numbers are folded to one; a largest or smallest is NaN where one of them is.
enum class Fold : uint8_t { sum, sum_of_squares, sum_of_sizes, largest, smallest };

/// Inner loops compiled once for each instruction-set level from the same source (loops.inl).
/// Pointers of in and out may be equal where shapes agree; not those of pooling and fold_rows.
struct Loops {
  const char* level;
  void (*activate)(const graph::Activation& activation, const float* in, float* out, int64_t count);
  /// out[i] = activation(a[i] op b[i * b_step]), b_step 0 or 1.
  void (*combine)(Arithmetic op, const float* a, const float* b, int64_t b_step, float* out,
                  int64_t count, const graph::Activation& activation);
  /// Pooling over channels-last images; rows are batch * out_height + y.
  void (*max_pool_f32)(const ConvolutionShape& shape, const float* in, float* out, int64_t row,
                       int64_t row_end);
  void (*max_pool_u8)(const ConvolutionShape& shape, const uint8_t* in, uint8_t* out, int64_t row,
                      int64_t row_end);
  void (*average_pool)(const ConvolutionShape& shape, bool count_padding, const float* in,
                       float* out, int64_t row, int64_t row_end);
  void (*softmax)(const float* in, float* out, int64_t count);
  /// Of each of several rows of at most most_narrow numbers.
  void (*softmax_narrow)(const float* in, float* out, int64_t rows, int64_t count);
  static constexpr int64_t most_narrow = 8;
  void (*log_softmax)(const float* in, float* out, int64_t count);
  /// out[i] = clamp(round(in[i] / scale) + zero, 0, 255), halves to even; NaN gives zero point.
  void (*quantize)(const float* in, uint8_t* out, int64_t count, float scale, int32_t zero);
  void (*dequantize)(const uint8_t* in, float* out, int64_t count, float scale, int32_t zero);
  /// The four neighbours of a point that lies x of the way to the right and y down.
  void (*mix4)(const float* top_left, const float* top_right, const float* bottom_left,
               const float* bottom_right, float x, float y, float* out, int64_t count);
  float (*fold_row)(Fold fold, const float* in, int64_t count);
  /// out[c] = fold of in[r, c] over all rows.
  void (*fold_rows)(Fold fold, const float* in, float* out, int64_t rows, int64_t columns);
  /// LayerNormalization of one row; bias may be null.
  void (*layer_norm)(const float* in, const float* scale, const float* bias, float* out,
                     int64_t count, float epsilon);
};

/// The loops of the active level.
const Loops& loops();
/// Of each level this processor has, lowest first: what tests compare.
std::vector<const Loops*> all_loops();

}  // namespace betimes::runtime
