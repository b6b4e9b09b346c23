#pragma once

#include <string>
#include <vector>

#include "betimes/cost/kernel_features.h"

namespace betimes::cost {

/// A kernel that was measured within a model.
struct KernelTime : Kernel {
  double ms = 0;  // median of a run
};

/// As device files carry them: a JSON object {"columns": [...], "rows": [[...], ...]}.
std::string format_kernels(const std::vector<KernelTime>& kernels);
/// Throws Error naming `where` and the row for other columns, cells of another kind, negative work
/// and times that aren't positive.
std::vector<KernelTime> parse_kernels(const std::string& json, const std::string& where);

}  // namespace betimes::cost
