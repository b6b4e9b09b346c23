#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/activation.h"

namespace betimes::runtime {

/// out[row, column] = activation(scale[column] (in[row, ...] weights + offset[column] +
/// bias[column])), uint8 rows with an int8 matrix [inner, columns], summed exactly.
///
/// The matrix is cut into panels of `vectors` x IntegerPanelLoops::width adjacent columns. Within a
/// panel two rows lie side by side, column after column, and pairs of rows follow one another: the
/// order in which a product reads them. What fills panels and pairs up is zero.
struct IntegerPanelProduct {
  const int8_t* weights = nullptr;
  int64_t inner = 0;    // at most most_inner
  int64_t vectors = 1;  // 1 to 4
  int64_t rows = 0;
  int64_t columns = 0;               // beyond which nothing is written
  const int32_t* offsets = nullptr;  // padded to whole panels, as are bias and scales
  const float* bias = nullptr;
  const float* scales = nullptr;
  graph::Activation activation;
  const uint8_t* in = nullptr;  // rows one after the other
  float* out = nullptr;         // null: bytes are written instead
  uint8_t* bytes = nullptr;     // of result * after + zero, rounded
  float after = 1, zero = 0;

  /// Longer sums, and offsets with them, might not fit 32 bits.
  static constexpr int64_t most_inner = 32768;
};

/// Compiled once for each instruction-set level (integer_panels.inl).
struct IntegerPanelLoops {
  const char* level;
  int64_t width;  // columns in a vector
  int64_t rows;   // of the input, that share a load of the weights
  /// Panels [panel, end); different panels may be worked on at the same time.
  void (*product)(const IntegerPanelProduct& product, int64_t panel, int64_t end);
};

/// The loops of the active level.
const IntegerPanelLoops& integer_panel_loops();
/// Of each level this processor has, lowest first: what tests compare.
std::vector<const IntegerPanelLoops*> all_integer_panel_loops();

}  // namespace betimes::runtime
