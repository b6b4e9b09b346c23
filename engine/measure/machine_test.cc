#include "betimes/measure/machine.h"

#include <gtest/gtest.h>

#include <numeric>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/measure/detail/peak.h"
#include "betimes/tensor/tensor.h"

namespace betimes::measure {
namespace {

constexpr Isa levels[] = {Isa::scalar, Isa::sse41,       Isa::avx2,
                          Isa::avx512, Isa::avx512_vnni, Isa::avx512_bf16};

uint64_t plain_sum(const Buffer& buffer) {
  uint64_t sum = 0;
  const auto* words = reinterpret_cast<const uint64_t*>(buffer.data());
  for (size_t i = 0; i < buffer.size() / sizeof(uint64_t); ++i) sum += words[i];
  return sum;
}

TEST(Peak, EveryLevelReadsEveryByte) {
  Buffer buffer(64 << 10);
  auto* words = reinterpret_cast<uint64_t*>(buffer.data());
  std::iota(words, words + buffer.size() / sizeof(uint64_t), uint64_t{0x123456789abc});
  for (const Isa isa : levels) {
    if (isa > active_isa()) continue;
    const auto& kernels = detail::peak_kernels(isa);
    for (size_t bytes = 0; bytes <= buffer.size(); bytes += 13 << 10) {
      Buffer part(bytes);
      std::copy_n(buffer.data(), bytes, part.data());
      EXPECT_EQ(kernels.read(part.data(), bytes), plain_sum(part)) << name(isa) << " " << bytes;
    }
  }
}

TEST(Peak, KernelsAreOfTheLevelOrBelow) {
  for (const Isa isa : levels) {
    const auto& kernels = detail::peak_kernels(isa);
    EXPECT_LE(kernels.isa, isa);
    EXPECT_NE(kernels.fp32, nullptr);
    EXPECT_NE(kernels.int8, nullptr);
  }
  EXPECT_EQ(detail::peak_kernels(Isa::scalar).isa, Isa::scalar);
}

TEST(Machine, EverythingIsFilled) {
  const Machine machine = probe_machine(1);
  EXPECT_EQ(machine.isa, name(active_isa()));
  EXPECT_EQ(machine.cpu, cpu_info().model);
  EXPECT_EQ(machine.cpus, available_cpus());
  EXPECT_EQ(machine.threads, 1);
  for (const std::string& text : {machine.os, machine.compiler, machine.onednn}) {
    EXPECT_FALSE(text.empty());
  }
  // Wide bounds that only a wrong count of operations or bytes would leave.
  EXPECT_GT(machine.read_gb_per_s, 0.2);
  EXPECT_LT(machine.read_gb_per_s, 2000);
  EXPECT_GT(machine.peak_gflops_fp32, 0.1);
  EXPECT_LT(machine.peak_gflops_fp32, 2000);
  EXPECT_GT(machine.peak_gops_int8, 0.1);
  EXPECT_LT(machine.peak_gops_int8, 8000);
}

TEST(Machine, TooManyThreadsIsAnError) {
  EXPECT_THROW(probe_machine(available_cpus() + 1), Error);
  EXPECT_THROW(probe_machine(0), Error);
}

}  // namespace
}  // namespace betimes::measure
