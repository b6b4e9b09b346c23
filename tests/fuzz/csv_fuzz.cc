#include <cstddef>
#include <cstdint>
#include <string_view>

#include "betimes/base/error.h"
#include "betimes/import/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    betimes::import::parse_labels({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
