#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "betimes/runtime/kernels/vector/levels.h"

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=256")

namespace betimes::runtime::avx512 {
namespace {
constexpr const char* level = "avx512";
constexpr int64_t vector_floats = 8;
constexpr int64_t width = 16;
}  // namespace
#include "betimes/runtime/kernels/vector/loops.inl"
}  // namespace betimes::runtime::avx512

#pragma GCC pop_options
#endif
