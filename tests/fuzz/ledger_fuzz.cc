#include <cstddef>
#include <cstdint>
#include <string_view>

#include "betimes/base/error.h"
#include "betimes/fit/ledger.h"

namespace {

/// fuzz_seeds writes a ledger of the same space; a knob of each kind.
betimes::fit::KnobSpace fuzz_space() {
  using namespace betimes::fit;  // NOLINT: this function only
  KnobSpace space;
  space.add({"depth", Integers{0, 9}, int64_t{1}, ""});
  space.add({"rate", Reals{0, 1}, 0.5, ""});
  space.add({"cache", flag(), true, ""});
  return space;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    betimes::fit::Ledger::read({reinterpret_cast<const char*>(data), size}, "fuzz", fuzz_space(),
                               "fuzz", 1);
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
