#include "betimes/measure/detail/peak.h"

#ifdef __x86_64__
#include <immintrin.h>

namespace betimes::measure::detail {
namespace {

#define BETIMES_TARGET __attribute__((target("avx2,fma")))

// Two fused multiply-adds start each cycle and take four or five: ten chains at least keep both
// units busy, and twelve leave registers for the operands.
constexpr size_t chains = 12;
constexpr double lanes = 8;

BETIMES_TARGET uint64_t read(const std::byte* data, size_t bytes) {
  __m256i sums[4] = {};
  for (size_t i = 0; i < bytes; i += 128) {
    const auto* line = reinterpret_cast<const __m256i*>(data + i);
    for (int j = 0; j < 4; ++j) sums[j] = _mm256_add_epi64(sums[j], _mm256_load_si256(line + j));
  }
  const __m256i sum =
      _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
  alignas(sizeof sum) uint64_t parts[4];  // unsigned: sums may wrap
  _mm256_store_si256(reinterpret_cast<__m256i*>(parts), sum);
  return parts[0] + parts[1] + parts[2] + parts[3];
}

BETIMES_TARGET void fp32(int64_t rounds) {
  __m256 sums[chains] = {};
  for (__m256& sum : sums) asm volatile("" : "+x"(sum));  // or equal chains become one
  __m256 a = _mm256_set1_ps(0.999f);
  const __m256 b = _mm256_set1_ps(1e-3f);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+x"(a));
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  for (__m256& sum : sums) asm volatile("" : : "x"(sum));
}

BETIMES_TARGET void int8(int64_t rounds) {
  __m256i sums[chains] = {};
  for (__m256i& sum : sums) asm volatile("" : "+x"(sum));  // or equal chains become one
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m256i& sum : sums) {
      asm volatile("" : "+x"(a));  // so that the product isn't worked out once for all
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (__m256i& sum : sums) asm volatile("" : : "x"(sum));
}

constexpr PeakKernels kernels = {Isa::avx2,         read,    fp32, chains* lanes, int8,
                                 chains* lanes * 4, nullptr, 0};

}  // namespace

const PeakKernels* peak_avx2() { return &kernels; }

#else

namespace betimes::measure::detail {

const PeakKernels* peak_avx2() { return nullptr; }

#endif
}  // namespace betimes::measure::detail
