#include "betimes/runtime/kernels/vector/loops.h"

#include "betimes/runtime/kernels/vector/levels.h"

// What this processor has of each kind of loops.

namespace betimes::runtime {
namespace {

constexpr Levels<Loops> vector_levels{baseline::vector_loops, avx2::vector_loops,
                                      avx512::vector_loops};
constexpr Levels<PanelLoops> panel_levels{baseline::panel_loops, avx2::panel_loops,
                                          avx512::panel_loops};
constexpr Levels<IntegerPanelLoops> integer_panel_levels{
    baseline::integer_panel_loops, avx2::integer_panel_loops, avx512::integer_panel_loops};
constexpr Levels<AttentionLoops> attention_levels{baseline::attention_loops, avx2::attention_loops,
                                                  avx512::attention_loops};
constexpr Levels<SpikingLoops> spiking_levels{baseline::spiking_loops, avx2::spiking_loops,
                                              avx512::spiking_loops};

}  // namespace

const Loops& loops() { return vector_levels.highest(); }
std::vector<const Loops*> all_loops() { return vector_levels.all(); }

const PanelLoops& panel_loops() { return panel_levels.highest(); }
std::vector<const PanelLoops*> all_panel_loops() { return panel_levels.all(); }

const IntegerPanelLoops& integer_panel_loops() { return integer_panel_levels.highest(); }
std::vector<const IntegerPanelLoops*> all_integer_panel_loops() {
  return integer_panel_levels.all();
}

const AttentionLoops& attention_loops() { return attention_levels.highest(); }
std::vector<const AttentionLoops*> all_attention_loops() { return attention_levels.all(); }

const SpikingLoops& spiking_loops() { return spiking_levels.highest(); }
std::vector<const SpikingLoops*> all_spiking_loops() { return spiking_levels.all(); }

}  // namespace betimes::runtime
