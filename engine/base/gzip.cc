#include "betimes/base/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes {
namespace {

constexpr int gzip_window = 15 + 16;  // the largest, with gzip's header
constexpr int memory_level = 8;       // zlib's default

}  // namespace

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

void write_gzip_text(const std::string& path, std::string_view content) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(path, "can't be compressed");
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(content.size())), '\0');
  std::string source(content);  // zlib's interface takes no const data
  stream.next_in = reinterpret_cast<Bytef*>(source.data());
  stream.avail_in = static_cast<uInt>(source.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) throw Error(path, "can't be compressed");
  write_file(path, packed);
}

}  // namespace betimes
