#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

namespace betimes::runtime::baseline {
namespace {
constexpr int64_t width = 4;
constexpr int64_t most_rows = 2;
constexpr int64_t tile_vectors = 2;
constexpr int64_t tile_rows = 6;
#include "betimes/runtime/kernels/vector/panels.inl"
// after it:
#include "betimes/runtime/kernels/vector/attention.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      "baseline", width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates,  gru_candidate};
  return table;
}

const AttentionLoops& attention_loops() {
  static constexpr AttentionLoops table = {"baseline", attention_scratch, attention};
  return table;
}

}  // namespace betimes::runtime::baseline
