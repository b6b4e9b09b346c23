#pragma once

#include "betimes/runtime/kernels/vector/panels.h"

namespace betimes::runtime {

namespace baseline {
const PanelLoops& panel_loops();
}
namespace avx2 {
const PanelLoops& panel_loops();
}
namespace avx512 {
const PanelLoops& panel_loops();
}

}  // namespace betimes::runtime
