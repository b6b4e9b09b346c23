#pragma once

#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"

namespace betimes::systems::cbnet {

/// Sizes of the code that training writes a converter for.
const std::vector<int64_t>& code_widths();

/// The files that training writes: f as BranchyNet's first exit, image f32 [N, 1, 28, 28] in 0..1
/// -> logits [N, 10], and f(g(x)) with a code of that size, whose weights are called "g...." and
/// "f....".
std::string exit_file(const std::string& folder);
std::string converted_file(const std::string& folder, int64_t code);

/// "converter", "tau", "code", "precision_g", "precision_f".
fit::KnobSpace knobs();

/// Serves those files one image at a time; quality is the share of Fashion-MNIST's test images that
/// are named right, the first half of them for validation. Throws Error naming the command when a
/// file isn't there.
std::unique_ptr<fit::Workload> open_cbnet(const system::OpenOptions& options);

}  // namespace betimes::systems::cbnet
