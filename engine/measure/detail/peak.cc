#include "betimes/measure/detail/peak.h"

namespace betimes::measure::detail {

const PeakKernels& peak_kernels(Isa isa) {
  for (const auto level :
       {peak_avx512_bf16, peak_avx512_vnni, peak_avx512, peak_avx2, peak_sse41}) {
    const PeakKernels* kernels = level();
    if (kernels && kernels->isa <= isa) return *kernels;
  }
  return *peak_scalar();
}

}  // namespace betimes::measure::detail
