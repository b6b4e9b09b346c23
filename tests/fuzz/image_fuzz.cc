#include <cstddef>
#include <cstdint>
#include <span>

#include "betimes/base/error.h"
#include "betimes/import/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t pixels = 1 << 16;  // fewer than a user may have, for the sake of speed
  try {
    const auto image =
        betimes::import::parse_image(std::as_bytes(std::span(data, size)), "fuzz", pixels);
    betimes::import::resize_image(betimes::import::with_channels(image, 3), 7, 5);
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
