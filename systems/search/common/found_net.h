#pragma once

#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"

namespace betimes::systems::search {

/// The widths and input sizes that a found network is trained at after the search.
const std::vector<double>& served_widths();        // relative to the found one
const std::vector<int64_t>& served_resolutions();  // pixels; images of 28 are resized to them

/// "width" and "resolution".
fit::KnobSpace found_net_knobs();
/// The file that training writes for that setting: <folder>/<slug>-w075-r20.onnx. Its input is
/// images f32 [N, 1, 28, 28] in 0..1, its output logits [N, 10].
std::string found_net_file(const std::string& folder, const std::string& slug, double width,
                           int64_t resolution);

/// Serves those files one image at a time; quality is the share of Fashion-MNIST's test images that
/// are named right, the first half of them for validation. Throws Error naming the command when a
/// file isn't there.
std::unique_ptr<fit::Workload> open_found_net(const std::string& slug,
                                              const system::OpenOptions& options);

}  // namespace betimes::systems::search
