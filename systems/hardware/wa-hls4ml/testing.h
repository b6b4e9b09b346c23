#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace betimes::systems::wa_hls4ml {

/// The shared folder of data sets: below BETIMES_SHARED, or beside the repository.
inline std::string shared_data() {
  const char* given = std::getenv("BETIMES_SHARED");
  const std::filesystem::path folder =
      given ? std::filesystem::path(given)
            : std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
  return (folder / "data").string();
}

}  // namespace betimes::systems::wa_hls4ml
