#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace betimes {

/// Instruction-set levels, lowest first. `sse41` is the portable floor on x86-64; on any other
/// processor the level is `scalar` and only scalar kernels and oneDNN's own choice are used.
enum class Isa { scalar, sse41, avx2, avx512, avx512_vnni, avx512_bf16 };

std::string_view name(Isa isa);
/// Reads a level as people write it ("sse41", "avx2", ...); nullopt when it is none.
std::optional<Isa> parse_isa(std::string_view text);

/// What this processor has, found once.
Isa detected_isa();
/// The level kernels may use: the least of what the processor has and the cap.
Isa active_isa();
/// Caps the level, for this process, of our kernels and of oneDNN's. May be called again as long as
/// nobody has asked for active_isa() (compiling a plan does): from then on the level stands, and a
/// lower cap throws Error. The environment variable BETIMES_ISA does the same from outside.
void cap_isa(Isa cap);

/// Brand, logical CPUs available to this process, and last-level cache; what a result names.
struct CpuInfo {
  std::string model;
  int cpus = 1;
  long l2_bytes = 0;
  long l3_bytes = 0;
};
const CpuInfo& cpu_info();

}  // namespace betimes
