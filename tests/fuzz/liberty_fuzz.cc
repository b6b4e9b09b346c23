#include <cstddef>
#include <cstdint>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/liberty.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    betimes::systems::preroutgnn::parse_liberty({reinterpret_cast<const char*>(data), size},
                                                "fuzz");
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
