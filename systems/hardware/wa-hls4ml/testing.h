#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "systems/hardware/wa-hls4ml/generator.h"

namespace betimes::systems::wa_hls4ml {

/// The shared folder of data sets: below BETIMES_SHARED, or beside the repository.
inline std::string shared_data() {
  const char* given = std::getenv("BETIMES_SHARED");
  const std::filesystem::path folder =
      given ? std::filesystem::path(given)
            : std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
  return (folder / "data").string();
}

/// Generated chains; their costs but the latency are round figures, see plain_layers().
inline std::vector<Sample> chains(size_t count, uint64_t seed) {
  ChainOptions options;
  options.count = count;
  options.seed = seed;
  return make_chains(*plain_layers(), options);
}

/// Those that have costs.
inline std::vector<Sample> synthesised(const std::vector<Sample>& samples) {
  std::vector<Sample> found;
  for (const Sample& sample : samples) {
    if (sample.costs) found.push_back(sample);
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
