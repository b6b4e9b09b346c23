// An ONNX file from anywhere: it is read, brought to canonical form, validated, its shapes are
// inferred and constants folded, and what was read is written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"

namespace {

// Folding costs what the file asks for up to this; larger values stay nodes.
constexpr size_t fold_limit = size_t{16} << 10;

void read_and_specialize(std::span<const std::byte> bytes) {
  const betimes::graph::Graph graph = betimes::import::parse_onnx(bytes, "fuzz");
  const std::string written = betimes::import::serialize_onnx(graph);
  // What we write we must be able to read.
  try {
    betimes::import::parse_onnx(std::as_bytes(std::span(written)), "written");
  } catch (const betimes::Error&) {
    std::abort();
  }
  betimes::graph::specialize(graph, {}, {.fold_limit = fold_limit});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    read_and_specialize(std::as_bytes(std::span(data, size)));
  } catch (const betimes::Error&) {
    // The expected answer to almost every input. Any other exception is a finding.
  }
  return 0;
}
