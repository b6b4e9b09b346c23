#include "betimes/cost/bundled_devices.h"

#include <filesystem>

#include "betimes/base/error.h"
#include "bundled_devices.inc"

namespace betimes::cost {

const std::vector<BundledDevice>& bundled_devices() {
  static const std::vector<BundledDevice> all = {
#define BETIMES_DEVICE(name, symbol) {name, embedded::symbol()},
      BETIMES_DEVICES(BETIMES_DEVICE)
#undef BETIMES_DEVICE
  };
  return all;
}

Device open_device(const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::exists(name, ignored)) return read_device(name);
  for (const BundledDevice& each : bundled_devices()) {
    if (each.name == name) return parse_device(std::string(each.text), name);
  }
  throw Error("device " + name, "is no file and no bundled device",
              "a file of `betimes probe`, or one of `betimes list devices`");
}

}  // namespace betimes::cost
