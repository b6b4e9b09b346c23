#include <cstddef>
#include <cstdint>

#include "betimes/base/error.h"
#include "betimes/cost/device.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto device =
        betimes::cost::parse_device({reinterpret_cast<const char*>(data), size}, "fuzz");
    betimes::cost::parse_device(betimes::cost::format_device(device), "again");
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
