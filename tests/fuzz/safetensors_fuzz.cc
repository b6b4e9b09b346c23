#include <cstddef>
#include <cstdint>
#include <span>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    betimes::import::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
