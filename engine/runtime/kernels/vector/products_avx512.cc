#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

namespace betimes::runtime::avx512 {
namespace {
constexpr int64_t width = 16;
constexpr int64_t most_rows = 4;
constexpr int64_t tile_vectors = 4;
constexpr int64_t tile_rows = 6;
#include "betimes/runtime/kernels/vector/panels.inl"
// after it:
#include "betimes/runtime/kernels/vector/attention.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      "avx512",  width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates, gru_candidate};
  return table;
}

const AttentionLoops& attention_loops() {
  static constexpr AttentionLoops table = {"avx512", attention_scratch, attention};
  return table;
}

}  // namespace betimes::runtime::avx512

#pragma GCC pop_options
#endif
