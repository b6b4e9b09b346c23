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
constexpr int64_t width = 8;
constexpr int64_t most_rows = 2;
constexpr int64_t tile_vectors = 2;
constexpr int64_t tile_rows = 6;
#include "betimes/runtime/kernels/vector/panels.inl"
// after it:
#include "betimes/runtime/kernels/vector/attention.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      "avx2",    width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates, gru_candidate};
  return table;
}

const AttentionLoops& attention_loops() {
  static constexpr AttentionLoops table = {"avx2", attention_scratch, attention};
  return table;
}

}  // namespace betimes::runtime::avx2

#pragma GCC pop_options
#endif
