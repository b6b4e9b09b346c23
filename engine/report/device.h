#pragma once

#include <string>

#include "betimes/cost/device.h"

namespace betimes::report {

/// What `betimes probe` and `betimes show FILE.device` print, for a terminal of `width` columns:
/// the reference networks' latencies, what the machine can do, what the clock and repetition add.
std::string render_text(const cost::Device& device, int width);

}  // namespace betimes::report
