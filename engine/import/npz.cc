#include "betimes/import/npz.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "betimes/base/error.h"
#include "betimes/import/npy.h"
#include "betimes/import/zip.h"

namespace betimes::import {
namespace {

constexpr std::string_view suffix = ".npy";
constexpr const char* kind = "NPZ file";
constexpr const char* made_by = "a file of numpy.savez or savez_compressed";

std::vector<std::string> names_of(const ZipArchive& archive, const std::string& where) {
  std::vector<std::string> names;
  for (const ZipArchive::Entry& entry : archive.entries()) {
    if (!entry.name.ends_with(suffix)) {
      throw Error(where, "holds '" + entry.name + "', which is no array", made_by);
    }
    names.push_back(entry.name.substr(0, entry.name.size() - suffix.size()));
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Tensor array_of(const ZipArchive& archive, const std::string& where, const std::string& name) {
  const std::vector<std::string> names = names_of(archive, where);
  if (names.empty()) throw Error(where, "holds no arrays");
  size_t index = 0;
  if (!name.empty()) {
    index = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (index == names.size()) throw Error(where, "holds no array '" + name + "'", listed(names));
  } else if (names.size() > 1) {
    throw Error(where, "holds " + std::to_string(names.size()) + " arrays",
                where + ":NAME with one of " + listed(names));
  }
  return parse_npy(archive.read(index), where + ":" + names[index]);
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// "x.npz:name" as file and name; a path without a name has an empty one.
struct Split {
  std::string file, name;
};
Split split(const std::string& path) {
  const size_t at = lower(path).find(".npz:");
  if (at == std::string::npos) return {path, ""};
  return {path.substr(0, at + suffix.size()), path.substr(at + suffix.size() + 1)};
}

}  // namespace

std::vector<std::string> list_npz(const std::string& path) {
  return names_of(ZipArchive(path, kind, made_by), path);
}

Tensor read_npz(const std::string& path, const std::string& name) {
  return array_of(ZipArchive(path, kind, made_by), path, name);
}

Tensor parse_npz(std::span<const std::byte> bytes, const std::string& where,
                 const std::string& name) {
  return array_of(ZipArchive(bytes, where, kind, made_by), where, name);
}

bool is_npz_file(const std::string& path) {
  const Split parts = split(path);
  return parts.name.empty() && lower(parts.file).ends_with(".npz");
}

bool is_numpy(const std::string& path) {
  const std::string file = lower(split(path).file);
  return file.ends_with(".npy") || file.ends_with(".npz");
}

Tensor read_numpy(const std::string& path) {
  const Split parts = split(path);
  if (lower(parts.file).ends_with(".npz")) return read_npz(parts.file, parts.name);
  return read_npy(path);
}

}  // namespace betimes::import
