#pragma once

#include "betimes/runtime/kernels/vector/loops.h"

namespace betimes::runtime {

namespace baseline {
const Loops& vector_loops();
}
namespace avx2 {
const Loops& vector_loops();
}
namespace avx512 {
const Loops& vector_loops();
}

}  // namespace betimes::runtime
