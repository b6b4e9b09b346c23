#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "systems/hardware/help/encoding.h"

namespace betimes::systems::help {

enum class SpaceName { fbnet, nasbench201, ofa };
const char* name(SpaceName space);

/// How a space is split, and which of its architectures make the hardware embedding.
struct Space {
  SpaceName name = SpaceName::fbnet;
  size_t pool = 0;                 // the first so many architectures: what is learned from
  size_t held = 0;                 // the next so many: what is scored
  std::vector<size_t> references;  // the same for every device: the embedding means nothing else
  std::vector<std::string> source, validation, unseen;  // devices
};
Space space(SpaceName name);

/// Architectures with their latencies on devices.
struct Tables {
  Space space;
  Encoded architectures;
  std::vector<double> macs;                       // of each; empty: not known
  std::map<std::string, std::vector<double>> ms;  // device -> of each

  /// Throws Error for an unknown device.
  const std::vector<double>& of(const std::string& device) const;
};

/// Reads <data>/help-nas-latency/<space>_{archs,latency}.csv.gz. Throws Error naming file and line
/// for anything malformed, for tables of different lengths, and for times that aren't positive.
Tables read_tables(const std::string& data, SpaceName name);
bool tables_present(const std::string& data, SpaceName name);

/// Devices that were never built (synthetic): an FBNet's time is an overhead and a sum over blocks,
/// which devices price differently, with 2 % of noise. For where no tables are, and for tests.
Tables synthetic_tables(size_t architectures, uint64_t seed);

}  // namespace betimes::systems::help
