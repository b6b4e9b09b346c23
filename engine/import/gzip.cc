#include "betimes/import/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

class Inflater {
 public:
  Inflater(std::span<const std::byte> bytes, const std::string& where, size_t limit)
      : bytes_(bytes), where_(where), limit_(limit) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw Error(where, "can't be decompressed");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Grows with what is really there: a header's word on sizes isn't taken.
  std::string read() {
    std::string text;
    while (!bytes_.empty()) {
      int status = Z_OK;
      while (status == Z_OK) status = step(text);
      if (status != Z_STREAM_END) throw Error(where_, "the gzip data ends early or is corrupt");
      inflateReset(&stream_);
    }
    return text;
  }

 private:
  int step(std::string& text) {
    constexpr size_t most = size_t{1} << 30;  // zlib counts in 32 bits
    std::array<char, 1 << 16> chunk;
    const size_t given = std::min(bytes_.size(), most);
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes_.data()));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream_.avail_out = static_cast<uInt>(chunk.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    bytes_ = bytes_.subspan(given - stream_.avail_in);
    const size_t made = chunk.size() - stream_.avail_out;
    if (text.size() + made > limit_) {
      throw Error(where_, "expands to more than " + std::to_string(limit_) + " bytes");
    }
    text.append(chunk.data(), made);
    return status;
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t limit_;
  z_stream stream_{};
};

}  // namespace

std::string unpack_text(std::span<const std::byte> bytes, const std::string& where, size_t limit) {
  const bool packed =
      bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  if (packed) return Inflater(bytes, where, limit).read();
  if (bytes.size() > limit) {
    throw Error(where, "is larger than " + std::to_string(limit) + " bytes");
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string read_text(const std::string& path, size_t limit) {
  return unpack_text(read_file(path, limit), path, limit);
}

}  // namespace betimes::import
