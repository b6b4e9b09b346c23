#include "betimes/learn/detail/archive.h"

#include <zip.h>

#include <array>
#include <cstddef>
#include <memory>
#include <set>

#include "betimes/base/error.h"

namespace betimes::learn::detail {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(path, std::string("is no intact TorchScript archive: ") + what,
              "a file written by torch.jit.save; a checkpoint of weights alone isn't one");
}

struct Close {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Archive = std::unique_ptr<zip_t, Close>;
using Entry = std::unique_ptr<zip_file_t, Close>;

Archive open(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string what = zip_error_strerror(&error);
  zip_error_fini(&error);
  refuse(path, what);
}

/// Reads the entry and throws it away; libzip compares its sum at the end.
void read_through(const std::string& path, zip_t* archive, zip_uint64_t index,
                  const zip_stat_t& about) {
  const Entry entry(zip_fopen_index(archive, index, 0));
  if (!entry) refuse(path, std::string(about.name) + ": " + zip_strerror(archive));
  std::array<std::byte, 1 << 16> piece;
  zip_uint64_t seen = 0;
  while (true) {
    const zip_int64_t got = zip_fread(entry.get(), piece.data(), piece.size());
    if (got < 0) refuse(path, std::string(about.name) + ": " + zip_file_strerror(entry.get()));
    if (got == 0) break;
    seen += static_cast<zip_uint64_t>(got);
    if (seen > about.size) refuse(path, std::string(about.name) + " is longer than it says");
  }
  if (seen != about.size) refuse(path, std::string(about.name) + " is shorter than it says");
}

}  // namespace

void check_archive(const std::string& path) {
  const Archive archive = open(path);
  std::set<std::string> names;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t about;
    if (zip_stat_index(archive.get(), index, 0, &about) != 0) {
      refuse(path, zip_strerror(archive.get()));
    }
    if (!names.insert(about.name).second) refuse(path, "it has an entry twice");
    read_through(path, archive.get(), index, about);
  }
}

}  // namespace betimes::learn::detail
