#include "betimes/measure/detail/peak.h"

#ifdef __x86_64__
#include <immintrin.h>

namespace betimes::measure::detail {
namespace {

#define BETIMES_TARGET __attribute__((target("sse4.1")))

constexpr size_t chains = 8;
constexpr double lanes = 4;

BETIMES_TARGET uint64_t read(const std::byte* data, size_t bytes) {
  __m128i sums[4] = {};
  for (size_t i = 0; i < bytes; i += 64) {
    const auto* line = reinterpret_cast<const __m128i*>(data + i);
    for (int j = 0; j < 4; ++j) sums[j] = _mm_add_epi64(sums[j], _mm_load_si128(line + j));
  }
  const __m128i sum =
      _mm_add_epi64(_mm_add_epi64(sums[0], sums[1]), _mm_add_epi64(sums[2], sums[3]));
  alignas(sizeof sum) uint64_t parts[2];  // unsigned: sums may wrap
  _mm_store_si128(reinterpret_cast<__m128i*>(parts), sum);
  return parts[0] + parts[1];
}

BETIMES_TARGET void fp32(int64_t rounds) {
  __m128 sums[chains] = {};
  for (__m128& sum : sums) asm volatile("" : "+x"(sum));  // or equal chains become one
  __m128 a = _mm_set1_ps(0.999f);
  const __m128 b = _mm_set1_ps(1e-3f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m128& sum : sums) {
      asm volatile("" : "+x"(a));  // so that the product isn't worked out once for all
      sum = _mm_add_ps(sum, _mm_mul_ps(a, b));
    }
  }
  for (__m128& sum : sums) asm volatile("" : : "x"(sum));
}

BETIMES_TARGET void int8(int64_t rounds) {
  __m128i sums[chains] = {};
  for (__m128i& sum : sums) asm volatile("" : "+x"(sum));  // or equal chains become one
  __m128i a = _mm_set1_epi8(3);
  const __m128i b = _mm_set1_epi8(5);
  const __m128i ones = _mm_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m128i& sum : sums) {
      asm volatile("" : "+x"(a));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_maddubs_epi16(a, b), ones));
    }
  }
  for (__m128i& sum : sums) asm volatile("" : : "x"(sum));
}

constexpr PeakKernels kernels = {Isa::sse41,        read,    fp32, chains* lanes, int8,
                                 chains* lanes * 4, nullptr, 0};

}  // namespace

const PeakKernels* peak_sse41() { return &kernels; }

#else

namespace betimes::measure::detail {

const PeakKernels* peak_sse41() { return nullptr; }

#endif
}  // namespace betimes::measure::detail
