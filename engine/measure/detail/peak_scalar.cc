#include <array>
#include <cstring>

#include "betimes/measure/detail/peak.h"

// An empty assembler statement that claims to change a value keeps the compiler from working out
// the loop ahead of time; it emits nothing.

namespace betimes::measure::detail {
namespace {

constexpr int chains = 8;

uint64_t read(const std::byte* data, size_t bytes) {
  std::array<uint64_t, 4> sums{};
  for (size_t i = 0; i < bytes; i += sizeof sums) {
    std::array<uint64_t, 4> words;
    std::memcpy(words.data(), data + i, sizeof words);
    for (size_t j = 0; j < sums.size(); ++j) sums[j] += words[j];
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

template <class T>
void multiply_accumulate(int64_t rounds, T a, T b) {
  std::array<T, chains> sums{};
  asm volatile("" : "+m"(sums));  // or equal chains become one
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+m"(a), "+m"(b));
    for (T& sum : sums) sum = static_cast<T>(sum + a * b);
  }
  asm volatile("" : : "m"(sums));
}

void fp32(int64_t rounds) { multiply_accumulate<float>(rounds, 0.999f, 1e-3f); }
void int8(int64_t rounds) { multiply_accumulate<int32_t>(rounds, 3, 5); }

constexpr PeakKernels kernels = {Isa::scalar, read, fp32, chains, int8, chains, nullptr, 0};

}  // namespace

const PeakKernels* peak_scalar() { return &kernels; }

}  // namespace betimes::measure::detail
