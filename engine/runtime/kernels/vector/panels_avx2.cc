#include <bit>
#include <cstdint>
#include <type_traits>

#include "betimes/runtime/kernels/vector/panel_levels.h"

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace betimes::runtime::avx2 {
namespace {
constexpr int64_t width = 8;
constexpr int64_t most_rows = 2;
#include "betimes/runtime/kernels/vector/panels.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      "avx2",    width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates, gru_candidate};
  return table;
}

}  // namespace betimes::runtime::avx2

#pragma GCC pop_options
#endif
