#pragma once

#include <array>
#include <string>
#include <vector>

#include "betimes/cost/kernel_work.h"
#include "betimes/measure/machine.h"

namespace betimes::cost {

/// The numbers a learned model reads: of the kernel (its kind, operator, implementation and work),
/// then of the device.
inline constexpr size_t feature_count = kernel_kinds + 72;
std::array<float, feature_count> features(const Kernel& kernel, const measure::Machine& machine);
const std::vector<std::string>& feature_names();

/// The least milliseconds this machine can take (Williams, Waterman, Patterson, 2009): of its
/// arithmetic at the kernel's precision, or of its memory, whichever takes longer; and which.
struct Roofline {
  double ms = 0;
  bool compute = false;
};
Roofline roofline(const KernelWork& work, const measure::Machine& machine);

}  // namespace betimes::cost
