#pragma once

#include <vector>

#include "betimes/base/cpu.h"
#include "betimes/runtime/kernels/vector/attention.h"
#include "betimes/runtime/kernels/vector/integer_panels.h"
#include "betimes/runtime/kernels/vector/loops.h"
#include "betimes/runtime/kernels/vector/panels.h"
#include "betimes/runtime/kernels/vector/spiking.h"

namespace betimes::runtime {

namespace baseline {
const Loops& vector_loops();
const PanelLoops& panel_loops();
const AttentionLoops& attention_loops();
const IntegerPanelLoops& integer_panel_loops();
const SpikingLoops& spiking_loops();
}  // namespace baseline
#ifdef __x86_64__
namespace avx2 {
const Loops& vector_loops();
const PanelLoops& panel_loops();
const AttentionLoops& attention_loops();
const IntegerPanelLoops& integer_panel_loops();
const SpikingLoops& spiking_loops();
}  // namespace avx2
namespace avx512 {
const Loops& vector_loops();
const PanelLoops& panel_loops();
const AttentionLoops& attention_loops();
const IntegerPanelLoops& integer_panel_loops();
const SpikingLoops& spiking_loops();
}  // namespace avx512
#else
namespace avx2 = baseline;
namespace avx512 = baseline;
#endif

/// A table for each level.
template <class Table>
struct Levels {
  const Table& (*baseline)();
  const Table& (*avx2)();
  const Table& (*avx512)();

  /// Of the highest level this processor has; allocates nothing, for calls while running.
  const Table& highest() const {
    if (has(Isa::avx512)) return avx512();
    return has(Isa::avx2) ? avx2() : baseline();
  }
  /// Of each level this processor has, lowest first.
  std::vector<const Table*> all() const {
    std::vector<const Table*> tables = {&baseline()};
    if (has(Isa::avx2)) tables.push_back(&avx2());
    if (has(Isa::avx512)) tables.push_back(&avx512());
    return tables;
  }

 private:
  static bool has([[maybe_unused]] Isa level) {
#ifdef __x86_64__
    return active_isa() >= level;
#else
    return false;
#endif
  }
};

}  // namespace betimes::runtime
