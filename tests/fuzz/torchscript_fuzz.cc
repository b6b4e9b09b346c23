#include <cstddef>
#include <cstdint>
#include <span>

#include "betimes/base/error.h"
#include "betimes/import/zip.h"

// What stands before LibTorch's own reader. That reader isn't built with sanitizers, and it
// compiles and runs what the archive holds: an intact TorchScript file is a program, not data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    betimes::import::ZipArchive(std::as_bytes(std::span(data, size)), "fuzz", "TorchScript archive",
                                "")
        .check();
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
