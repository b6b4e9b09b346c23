#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/cost/boosted_trees.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using betimes::cost::BoostedTrees;
  try {
    const auto trees = BoostedTrees::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
    // With every value missing and with none: whatever is accepted must come to an end.
    trees.predict(std::vector<float>(trees.features(), std::numeric_limits<float>::quiet_NaN()));
    trees.predict(std::vector<float>(trees.features(), 0.5f));
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
