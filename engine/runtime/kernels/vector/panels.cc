#include "betimes/runtime/kernels/vector/panels.h"

#include "betimes/base/cpu.h"
#include "betimes/runtime/kernels/vector/panel_levels.h"

namespace betimes::runtime {

std::vector<const PanelLoops*> all_panel_loops() {
  std::vector<const PanelLoops*> levels = {&baseline::panel_loops()};
#ifdef __x86_64__
  if (active_isa() >= Isa::avx2) levels.push_back(&avx2::panel_loops());
  if (active_isa() >= Isa::avx512) levels.push_back(&avx512::panel_loops());
#endif
  return levels;
}

const PanelLoops& panel_loops() { return *all_panel_loops().back(); }

}  // namespace betimes::runtime
