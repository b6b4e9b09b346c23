#include "betimes/import/zip.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "betimes/base/error.h"

namespace betimes::import {
namespace {

struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

}  // namespace

void ZipArchive::Close::operator()(zip* archive) const { zip_discard(archive); }

void ZipArchive::refuse(const std::string& what) const {
  throw Error(where_, "is no intact " + kind_ + ": " + what, expected_);
}

void ZipArchive::refuse(zip_error& error) const {
  const std::string text = zip_error_strerror(&error);
  const int code = zip_error_code_zip(&error);
  zip_error_fini(&error);
  if (code == ZIP_ER_NOENT || code == ZIP_ER_OPEN || code == ZIP_ER_READ) {
    throw Error(where_, "can't be read: " + text);
  }
  refuse(code == ZIP_ER_EXISTS ? "it has a name twice" : text);
}

ZipArchive::ZipArchive(const std::string& path, std::string kind, std::string expected)
    : where_(path), kind_(std::move(kind)), expected_(std::move(expected)) {
  int code = 0;
  archive_.reset(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!archive_) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    refuse(error);
  }
  std::error_code failed;
  const uint64_t bytes = std::filesystem::file_size(path, failed);
  if (failed) throw Error(where_, "can't be read: " + failed.message());
  list(bytes);
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string where, std::string kind,
                       std::string expected)
    : where_(std::move(where)), kind_(std::move(kind)), expected_(std::move(expected)) {
  if (bytes.empty()) refuse("it is empty");  // libzip takes that for an archive without entries
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source == nullptr) refuse(error);
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
  if (!archive_) {
    zip_source_free(source);
    refuse(error);
  }
  zip_error_fini(&error);
  list(bytes.size());
}

void ZipArchive::list(uint64_t file_bytes) {
  const auto count = static_cast<size_t>(zip_get_num_entries(archive_.get(), 0));
  uint64_t left = file_bytes;
  for (size_t i = 0; i < count; ++i) {
    zip_stat_t about;
    if (zip_stat_index(archive_.get(), i, 0, &about) != 0) {
      refuse(zip_strerror(archive_.get()));
    }
    const zip_uint64_t wanted =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((about.valid & wanted) != wanted) refuse("an entry lacks its name, size or method");
    const std::string name = about.name;
    if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return std::iscntrl(c); })) {
      refuse("an entry's name has control characters");
    }
    if (about.comp_method != ZIP_CM_STORE && about.comp_method != ZIP_CM_DEFLATE) {
      refuse(name + " is neither stored nor deflated");
    }
    if (about.comp_size > left) refuse("its entries are larger than the file");
    left -= about.comp_size;
    entries_.push_back({name, about.size});
  }
}

/// Hands the entry over piece by piece; libzip compares its sum at the end.
template <class Take>
void ZipArchive::unpack(size_t index, const Take& take) const {
  const Entry& about = entries_.at(index);
  const std::unique_ptr<zip_file_t, CloseEntry> entry(zip_fopen_index(archive_.get(), index, 0));
  if (!entry) refuse(about.name + ": " + zip_strerror(archive_.get()));
  std::array<std::byte, 1 << 16> piece;
  uint64_t seen = 0;
  while (true) {
    const zip_int64_t got = zip_fread(entry.get(), piece.data(), piece.size());
    if (got < 0) refuse(about.name + ": " + zip_file_strerror(entry.get()));
    if (got == 0) break;
    seen += static_cast<uint64_t>(got);
    if (seen > about.bytes) refuse(about.name + " is longer than it says");
    take(std::span<const std::byte>(piece).first(static_cast<size_t>(got)));
  }
  if (seen != about.bytes) refuse(about.name + " is shorter than it says");
}

std::vector<std::byte> ZipArchive::read(size_t index, size_t limit) const {
  const Entry& about = entries_.at(index);
  if (about.bytes > limit) {
    throw Error(where_, about.name + " has more than " + std::to_string(limit) + " bytes");
  }
  // Grows with what is really there: the directory's word on sizes isn't taken.
  std::vector<std::byte> bytes;
  bytes.reserve(std::min<uint64_t>(about.bytes, uint64_t{64} << 20));
  unpack(index, [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  });
  return bytes;
}

void ZipArchive::check() const {
  for (size_t i = 0; i < entries_.size(); ++i) unpack(i, [](std::span<const std::byte>) {});
}

}  // namespace betimes::import
