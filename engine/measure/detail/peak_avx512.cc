#include "betimes/measure/detail/peak.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <array>
#include <numeric>

namespace betimes::measure::detail {
namespace {

#define BETIMES_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define BETIMES_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define BETIMES_TARGET_BF16 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")))

constexpr size_t chains = 16;
constexpr double lanes = 16;

BETIMES_TARGET uint64_t read(const std::byte* data, size_t bytes) {
  __m512i sums[4] = {};
  for (size_t i = 0; i < bytes; i += 256) {
    for (size_t j = 0; j < 4; ++j) {
      sums[j] = _mm512_add_epi64(sums[j], _mm512_load_si512(data + i + 64 * j));
    }
  }
  alignas(64) std::array<uint64_t, 8> lanes_of_sum;
  _mm512_store_si512(lanes_of_sum.data(), _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]),
                                                           _mm512_add_epi64(sums[2], sums[3])));
  return std::accumulate(lanes_of_sum.begin(), lanes_of_sum.end(), uint64_t{0});
}

BETIMES_TARGET void fp32(int64_t rounds) {
  __m512 sums[chains] = {};
  for (__m512& sum : sums) asm volatile("" : "+v"(sum));  // or equal chains become one
  __m512 a = _mm512_set1_ps(0.999f);
  const __m512 b = _mm512_set1_ps(1e-3f);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+v"(a));
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  }
  for (__m512& sum : sums) asm volatile("" : : "v"(sum));
}

BETIMES_TARGET void int8(int64_t rounds) {
  __m512i sums[chains] = {};
  for (__m512i& sum : sums) asm volatile("" : "+v"(sum));  // or equal chains become one
  __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(5);
  const __m512i ones = _mm512_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512i& sum : sums) {
      asm volatile("" : "+v"(a));  // so that the product isn't worked out once for all
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), ones));
    }
  }
  for (__m512i& sum : sums) asm volatile("" : : "v"(sum));
}

BETIMES_TARGET_VNNI void int8_vnni(int64_t rounds) {
  __m512i sums[chains] = {};
  for (__m512i& sum : sums) asm volatile("" : "+v"(sum));  // or equal chains become one
  __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(5);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+v"(a));
    // Not the intrinsic: GCC 12 copies its accumulator before each use, which costs half the rate.
    for (__m512i& sum : sums) asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  }
  for (__m512i& sum : sums) asm volatile("" : : "v"(sum));
}

BETIMES_TARGET_BF16 void bf16(int64_t rounds) {
  __m512 sums[chains] = {};
  for (__m512& sum : sums) asm volatile("" : "+v"(sum));  // or equal chains become one
  __m512i bits = _mm512_set1_epi16(0x3f80);               // 1.0
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+v"(bits));
    for (__m512& sum : sums) asm("vdpbf16ps %1, %1, %0" : "+v"(sum) : "v"(bits));
  }
  for (__m512& sum : sums) asm volatile("" : : "v"(sum));
}

constexpr double fp32_macs = chains * lanes;
constexpr double int8_macs = chains * lanes * 4;
constexpr double bf16_macs = chains * lanes * 2;

constexpr PeakKernels plain = {Isa::avx512, read, fp32, fp32_macs, int8, int8_macs, nullptr, 0};
constexpr PeakKernels with_vnni = {Isa::avx512_vnni, read,      fp32,    fp32_macs,
                                   int8_vnni,        int8_macs, nullptr, 0};
constexpr PeakKernels with_bf16 = {Isa::avx512_bf16, read,      fp32, fp32_macs,
                                   int8_vnni,        int8_macs, bf16, bf16_macs};

}  // namespace

const PeakKernels* peak_avx512() { return &plain; }
const PeakKernels* peak_avx512_vnni() { return &with_vnni; }
const PeakKernels* peak_avx512_bf16() { return &with_bf16; }

#else

namespace betimes::measure::detail {

const PeakKernels* peak_avx512() { return nullptr; }
const PeakKernels* peak_avx512_vnni() { return nullptr; }
const PeakKernels* peak_avx512_bf16() { return nullptr; }

#endif
}  // namespace betimes::measure::detail
