#include <cstddef>
#include <cstdint>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/graph.h"
#include "systems/hardware/preroutgnn/netlist.h"
#include "systems/hardware/preroutgnn/stand_in.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    using namespace betimes::systems::preroutgnn;
    const Library& library = stand_in_library();
    make_graph(parse_netlist({reinterpret_cast<const char*>(data), size}, library, "fuzz"),
               library);
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
