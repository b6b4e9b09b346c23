#include <cstddef>
#include <cstdint>

#include "betimes/base/error.h"
#include "betimes/import/gzip.h"
#include "betimes/import/series.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto table =
        betimes::import::parse_series(betimes::import::unpack_text(bytes, "fuzz", 1 << 24), "fuzz");
    betimes::import::labels_from(table, table.rows(), table.times);
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
