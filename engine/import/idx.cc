#include "betimes/import/idx.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

constexpr size_t max_rank = 8;
// Deflate can't expand by more than about 1032:1: a header that promises more than that lies.
constexpr size_t max_expansion = 1040;
constexpr size_t max_bytes = size_t{4} << 30;

/// Gives the bytes of a plain or gzip-compressed file in order.
class Source {
 public:
  Source(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {
    packed_ = bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
    if (!packed_) return;
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw Error(where, "can't be decompressed");
  }
  ~Source() {
    if (packed_) inflateEnd(&stream_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// No more than this many bytes can follow.
  size_t bound() const {
    if (!packed_) return bytes_.size();
    return std::min(bytes_.size() * max_expansion + max_expansion, max_bytes);
  }

  void read(std::span<std::byte> out) {
    if (fill(out) != out.size()) throw Error(where_, "the IDX data ends early or is corrupt");
  }

  bool at_end() {
    std::byte one[1];
    return fill(one) == 0;
  }

 private:
  size_t fill(std::span<std::byte> out) {
    if (packed_) return unpack(out);
    const size_t count = std::min(out.size(), bytes_.size());
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

  size_t unpack(std::span<std::byte> out) {
    constexpr size_t most = size_t{1} << 30;  // zlib counts in 32 bits
    size_t done = 0;
    while (done < out.size() && !finished_) {
      const size_t room = std::min(out.size() - done, most);
      const size_t given = std::min(bytes_.size(), most);
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes_.data()));
      stream_.avail_in = static_cast<uInt>(given);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      bytes_ = bytes_.subspan(given - stream_.avail_in);
      done += room - stream_.avail_out;
      finished_ = status == Z_STREAM_END;
      if (status != Z_OK && status != Z_STREAM_END) break;
    }
    return done;
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  bool packed_ = false;
  bool finished_ = false;
  z_stream stream_{};
};

DType type_of(std::byte code, const std::string& where) {
  switch (std::to_integer<int>(code)) {
    case 0x08:
      return DType::u8;
    case 0x09:
      return DType::i8;
    case 0x0b:
      return DType::i16;
    case 0x0c:
      return DType::i32;
    case 0x0d:
      return DType::f32;
    case 0x0e:
      return DType::f64;
    default:
      throw Error(where, "has an unknown IDX element type");
  }
}

Shape read_shape(Source& source, size_t rank) {
  Shape shape;
  for (size_t axis = 0; axis < rank; ++axis) {
    std::byte raw[4];
    source.read(raw);
    int64_t extent = 0;
    for (const std::byte b : raw) extent = extent << 8 | std::to_integer<int64_t>(b);
    shape.push_back(extent);
  }
  return shape;
}

size_t checked_bytes(const TensorType& type, size_t bound, const std::string& where) {
  size_t bytes = size_of(type.dtype);
  for (const int64_t extent : type.shape) {
    if (extent == 0) throw Error(where, "has an empty dimension: " + to_string(type.shape));
    if (bytes > bound / static_cast<size_t>(extent)) {
      throw Error(where, "is too short for the " + to_string(type) + " that its header announces");
    }
    bytes *= static_cast<size_t>(extent);
  }
  return bytes;
}

}  // namespace

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.empty()) throw Error(where, "is empty", "an IDX file");
  Source source(bytes, where);
  std::byte magic[4];
  source.read(magic);
  const auto rank = std::to_integer<size_t>(magic[3]);
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0} || rank < 1 || rank > max_rank) {
    throw Error(where, "isn't an IDX file");
  }
  TensorType type{type_of(magic[2], where), {}};
  type.shape = read_shape(source, rank);
  const size_t wanted = checked_bytes(type, source.bound(), where);
  Tensor tensor(type);
  const std::span<std::byte> data(tensor.mutable_raw(), wanted);
  source.read(data);
  if (!source.at_end()) throw Error(where, "has more data than its header announces");
  const size_t width = size_of(type.dtype);  // elements lie most significant byte first
  for (size_t i = 0; width > 1 && i < wanted; i += width) {
    std::reverse(data.begin() + static_cast<ptrdiff_t>(i),
                 data.begin() + static_cast<ptrdiff_t>(i + width));
  }
  return tensor;
}

Tensor read_idx(const std::string& path) { return parse_idx(read_file(path), path); }

}  // namespace betimes::import
