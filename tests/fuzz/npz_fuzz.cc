#include <cstddef>
#include <cstdint>
#include <span>

#include "betimes/base/error.h"
#include "betimes/import/npz.h"
#include "betimes/import/zip.h"

// Every array by its name, and the one without: what --data and --input read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace betimes::import;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const ZipArchive archive(bytes, "fuzz", "NPZ file", "");
    for (const ZipArchive::Entry& entry : archive.entries()) {
      try {
        parse_npz(bytes, "fuzz", entry.name.substr(0, entry.name.size() - 4));
      } catch (const betimes::Error&) {  // one damaged array says nothing of the next
      }
    }
    parse_npz(bytes, "fuzz");
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
