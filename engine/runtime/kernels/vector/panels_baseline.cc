#include <bit>
#include <cstdint>
#include <type_traits>

#include "betimes/runtime/kernels/vector/panel_levels.h"

namespace betimes::runtime::baseline {
namespace {
constexpr int64_t width = 4;
constexpr int64_t most_rows = 2;
#include "betimes/runtime/kernels/vector/panels.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      "baseline", width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates,  gru_candidate};
  return table;
}

}  // namespace betimes::runtime::baseline
