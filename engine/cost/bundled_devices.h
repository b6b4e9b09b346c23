#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "betimes/cost/device.h"

namespace betimes::cost {

/// A device that was measured by this project and ships with the program (models/devices).
struct BundledDevice {
  std::string_view name;  // of its file, without ".device"
  std::string_view text;  // for parse_device
};
/// In alphabetical order.
const std::vector<BundledDevice>& bundled_devices();

/// A file of `betimes probe`, or else a bundled device of that name. Throws Error where it is
/// neither, and what read_device throws.
Device open_device(const std::string& name);

}  // namespace betimes::cost
