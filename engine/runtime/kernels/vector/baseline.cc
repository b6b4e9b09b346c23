#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

namespace betimes::runtime::baseline {
namespace {
constexpr const char* level = "baseline";
constexpr int64_t vector_floats = 4;
constexpr int64_t width = 4;
}  // namespace
#include "betimes/runtime/kernels/vector/loops.inl"
}  // namespace betimes::runtime::baseline
