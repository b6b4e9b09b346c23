// What works with products of packed weights. Included once per instruction-set level, inside that
// level's namespace, after "#pragma GCC target" and the level's name and constants.

namespace {
#include "betimes/runtime/kernels/vector/panels.inl"
// after it:
#include "betimes/runtime/kernels/vector/attention.inl"
#include "betimes/runtime/kernels/vector/integer_panels.inl"
}  // namespace

const PanelLoops& panel_loops() {
  static constexpr PanelLoops table = {
      level,     width,        most_rows, product, rnn, lstm, gru_linear_before_reset,
      gru_gates, gru_candidate};
  return table;
}

const IntegerPanelLoops& integer_panel_loops() {
  static constexpr IntegerPanelLoops table = {level, width, most_rows, integer_product};
  return table;
}

const AttentionLoops& attention_loops() {
  static constexpr AttentionLoops table = {level, attention_scratch, attention};
  return table;
}
