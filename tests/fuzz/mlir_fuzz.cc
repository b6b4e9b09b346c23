#include <cstddef>
#include <cstdint>

#include "betimes/base/error.h"
#include "systems/hardware/mlir-cost-model/counts.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    using namespace betimes::systems::mlir_cost_model;
    const Function function = parse_function({reinterpret_cast<const char*>(data), size}, "fuzz");
    count(function, {});
    for (const Tokens each : all_tokens()) tokenise(function, {}, each);
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
