#pragma once

#include <cstddef>
#include <cstdint>

#include "betimes/base/cpu.h"

namespace betimes::measure::detail {

/// Loops that do nothing but what their name says, for one instruction-set level. A null function
/// is one that the level has no instruction for.
struct PeakKernels {
  Isa isa;
  /// Reads `bytes` (a multiple of 1024, 64-byte aligned); returns a checksum so that it must.
  uint64_t (*read)(const std::byte* data, size_t bytes);
  /// Independent multiply-accumulates from registers. One round does `*_macs` of them.
  void (*fp32)(int64_t rounds);
  double fp32_macs;
  void (*int8)(int64_t rounds);
  double int8_macs;
  void (*bf16)(int64_t rounds);
  double bf16_macs;
};

/// The best this level has; the scalar one is last in the list and runs everywhere.
const PeakKernels& peak_kernels(Isa isa);

// One file per level defines its own; those for another processor give null.
const PeakKernels* peak_avx512_bf16();
const PeakKernels* peak_avx512_vnni();
const PeakKernels* peak_avx512();
const PeakKernels* peak_avx2();
const PeakKernels* peak_sse41();
const PeakKernels* peak_scalar();

}  // namespace betimes::measure::detail
