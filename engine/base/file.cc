#include "betimes/base/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "betimes/base/error.h"

namespace betimes {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }  // NOLINT: this owns it
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

std::vector<std::byte> read_file(const std::string& path, size_t limit) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) throw Error(path, "is a directory", "a file");
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw Error(path, std::string("can't be opened: ") + std::strerror(errno));
  std::vector<std::byte> content;
  // Grows with what is really read: the size a file system reports may be wrong (pipes, /proc).
  std::byte chunk[1 << 16];
  while (const size_t got = std::fread(chunk, 1, sizeof chunk, file.get())) {
    if (content.size() + got > limit) {
      throw Error(path, "is larger than " + std::to_string(limit) + " bytes");
    }
    content.insert(content.end(), chunk, chunk + got);
  }
  if (std::ferror(file.get())) throw Error(path, "can't be read");
  return content;
}

void write_file(const std::string& path, std::string_view content) {
  const std::string part = path + "." + std::to_string(::getpid()) + ".part";
  const auto fail = [&] {
    const std::string reason = std::strerror(errno);
    std::remove(part.c_str());
    throw Error(path, "can't be written: " + reason);
  };
  File file(std::fopen(part.c_str(), "wb"));
  if (!file) fail();
  if (std::fwrite(content.data(), 1, content.size(), file.get()) != content.size()) fail();
  if (std::fclose(file.release()) != 0) fail();
  if (std::rename(part.c_str(), path.c_str()) != 0) fail();
}

}  // namespace betimes
