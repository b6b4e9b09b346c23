#include "systems/search/common/gzip_text.h"

#include <zlib.h>

#include <memory>
#include <vector>

#include "betimes/base/error.h"

namespace betimes::systems::search {

std::string read_gzip_text(const std::string& path, size_t limit) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw Error(path, "can't be read");
  std::vector<char> part(size_t{1} << 16);
  std::string text;
  while (true) {
    const int got = gzread(file.get(), part.data(), static_cast<unsigned>(part.size()));
    if (got < 0) throw Error(path, "is damaged");
    if (got == 0) break;
    text.append(part.data(), static_cast<size_t>(got));
    if (text.size() > limit) throw Error(path, "is too long", "at most " + std::to_string(limit));
  }
  int code = Z_OK;
  gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) throw Error(path, "ends too early");
  return text;
}

}  // namespace betimes::systems::search
