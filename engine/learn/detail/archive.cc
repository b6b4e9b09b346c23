#include "betimes/learn/detail/archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <string_view>

#include "betimes/base/error.h"

namespace betimes::learn::detail {
namespace {

constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50;
constexpr uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50;
constexpr uint32_t locator_signature = 0x07064b50;
constexpr uint64_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56;
constexpr uint64_t locator_size = 20;
constexpr uint64_t longest_comment = 65535;
constexpr uint32_t in_extra = 0xffffffff;  // the number stands in the ZIP64 field instead

/// The file as numbers and ranges that can't leave it.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(path_, std::string("is no intact TorchScript archive: ") + what,
                "a file written by torch.jit.save; a checkpoint of weights alone isn't one");
  }
  uint64_t size() const { return bytes_.size(); }
  std::span<const std::byte> range(uint64_t at, uint64_t length) const {
    if (at > size() || length > size() - at) refuse("a record lies outside the file");
    return bytes_.subspan(at, length);
  }
  template <class T>
  T number(uint64_t at) const {
    const auto from = range(at, sizeof(T));
    uint64_t value = 0;
    for (size_t i = sizeof(T); i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(from[i]);
    return static_cast<T>(value);
  }
  std::string_view text(uint64_t at, uint64_t length) const {
    return {reinterpret_cast<const char*>(range(at, length).data()), length};
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& path_;
};

struct Directory {
  uint64_t entries = 0, at = 0, size = 0;
};

struct Entry {
  std::string_view name;
  uint32_t crc = 0;
  uint16_t flags = 0, method = 0;
  uint64_t packed = 0, length = 0, local = 0;
};

Directory find_directory(const Reader& file) {
  if (file.size() < end_size) file.refuse("it is too short");
  const uint64_t last = file.size() - end_size;
  const uint64_t first = last > longest_comment ? last - longest_comment : 0;
  uint64_t end = last;
  while (file.number<uint32_t>(end) != end_signature) {
    if (end == first) file.refuse("it has no directory");
    --end;
  }
  if (end + end_size + file.number<uint16_t>(end + 20) != file.size()) {
    file.refuse("something follows its directory");
  }
  Directory found{file.number<uint16_t>(end + 10), file.number<uint32_t>(end + 16),
                  file.number<uint32_t>(end + 12)};
  uint64_t before = end;  // where the directory must end
  if (end >= locator_size && file.number<uint32_t>(end - locator_size) == locator_signature) {
    const auto at = file.number<uint64_t>(end - locator_size + 8);
    if (file.range(at, end64_size).empty() || file.number<uint32_t>(at) != end64_signature) {
      file.refuse("its ZIP64 directory isn't where it should be");
    }
    found = {file.number<uint64_t>(at + 32), file.number<uint64_t>(at + 48),
             file.number<uint64_t>(at + 40)};
    before = at;
  }
  if (found.at > before || found.size != before - found.at) file.refuse("its directory is damaged");
  if (found.entries > found.size / central_size) file.refuse("its directory is damaged");
  return found;
}

/// Takes the numbers that were too large for their field from the ZIP64 extra field.
void read_extra(const Reader& file, uint64_t at, uint64_t length, Entry& entry) {
  const uint64_t end = at + length;
  while (end - at >= 4) {
    const auto id = file.number<uint16_t>(at);
    const uint64_t size = file.number<uint16_t>(at + 2);
    at += 4;
    if (size > end - at) file.refuse("an extra field is damaged");
    uint64_t next = at;
    for (uint64_t* value : {&entry.length, &entry.packed, &entry.local}) {
      if (id != 1 || *value != in_extra || next + 8 > at + size) continue;
      *value = file.number<uint64_t>(next);
      next += 8;
    }
    at += size;
  }
}

Entry read_entry(const Reader& file, uint64_t& at) {
  if (file.number<uint32_t>(at) != central_signature) file.refuse("its directory is damaged");
  Entry entry{{},
              file.number<uint32_t>(at + 16),
              file.number<uint16_t>(at + 8),
              file.number<uint16_t>(at + 10),
              file.number<uint32_t>(at + 20),
              file.number<uint32_t>(at + 24),
              file.number<uint32_t>(at + 42)};
  const uint64_t name = file.number<uint16_t>(at + 28), extra = file.number<uint16_t>(at + 30);
  const uint64_t comment = file.number<uint16_t>(at + 32);
  entry.name = file.text(at + central_size, name);
  file.range(at + central_size + name, extra + comment);
  read_extra(file, at + central_size + name, extra, entry);
  at += central_size + name + extra + comment;
  return entry;
}

uint32_t sum(std::span<const std::byte> data) {
  return static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

/// The sum of deflated data, which is unpacked piece by piece and thrown away.
uint32_t unpacked_sum(const Reader& file, std::span<const std::byte> data, uint64_t length) {
  z_stream stream = {};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  std::array<Bytef, 1 << 15> piece;
  uint32_t crc = 0;
  uint64_t seen = 0;
  int state = Z_OK;
  while (state == Z_OK && seen <= length) {
    if (stream.avail_in == 0 && !data.empty()) {
      const size_t next = std::min<size_t>(data.size(), size_t{1} << 30);
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data()));
      stream.avail_in = static_cast<uInt>(next);
      data = data.subspan(next);
    }
    stream.next_out = piece.data();
    stream.avail_out = piece.size();
    state = ::inflate(&stream, Z_NO_FLUSH);
    const size_t got = piece.size() - stream.avail_out;
    crc = static_cast<uint32_t>(::crc32_z(crc, piece.data(), got));
    seen += got;
  }
  const bool all_read = stream.avail_in == 0 && data.empty();
  ::inflateEnd(&stream);
  if (state != Z_STREAM_END || seen != length || !all_read)
    file.refuse("an entry can't be unpacked");
  return crc;
}

void check_entry(const Reader& file, const Entry& entry) {
  const std::string name(entry.name.substr(0, 100));
  if (file.number<uint32_t>(entry.local) != local_signature) {
    file.refuse(name + " isn't where the directory says");
  }
  const uint64_t length = file.number<uint16_t>(entry.local + 26);
  const uint64_t extra = file.number<uint16_t>(entry.local + 28);
  if (file.text(entry.local + local_size, length) != entry.name ||
      file.number<uint16_t>(entry.local + 8) != entry.method ||
      file.number<uint16_t>(entry.local + 6) != entry.flags) {
    file.refuse(name + " isn't what the directory says");
  }
  constexpr int encrypted = 1;
  if (entry.flags & encrypted) file.refuse(name + " is encrypted");
  const auto data = file.range(entry.local + local_size + length + extra, entry.packed);
  constexpr int stored = 0, deflated = 8;
  uint32_t found = 0;
  if (entry.method == stored) {
    if (entry.length != entry.packed) file.refuse(name + " has two lengths");
    found = sum(data);
  } else if (entry.method == deflated) {
    found = unpacked_sum(file, data, entry.length);
  } else {
    file.refuse(name + " is packed in an unknown way");
  }
  if (found != entry.crc) file.refuse(name + " is damaged (its CRC-32 differs)");
}

}  // namespace

void check_archive(std::span<const std::byte> bytes, const std::string& path) {
  const Reader file(bytes, path);
  const Directory directory = find_directory(file);
  std::set<std::string_view> names;
  uint64_t at = directory.at;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Entry entry = read_entry(file, at);
    if (!names.insert(entry.name).second) file.refuse("it has an entry twice");
    check_entry(file, entry);
  }
  if (at != directory.at + directory.size) file.refuse("its directory is damaged");
}

}  // namespace betimes::learn::detail
