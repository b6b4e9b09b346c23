#pragma once

#include <filesystem>
#include <string>

namespace betimes {

/// A new folder of one's own below the system's temporary one, removed with all that is in it when
/// this goes. Processes and tests that run side by side never share one.
class TemporaryFolder {
 public:
  /// Throws Error when it can't be made.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Path of that name in it.
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace betimes
