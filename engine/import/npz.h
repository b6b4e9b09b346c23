#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// The names of the arrays in a file of numpy.savez or savez_compressed, in the file's order.
/// Throws Error naming the file when it isn't an intact archive or holds something else than
/// arrays.
std::vector<std::string> list_npz(const std::string& path);

/// One of its arrays; an empty name means the only one. Throws Error as list_npz and parse_npy, for
/// a name that isn't there, and without a name when there are several.
Tensor read_npz(const std::string& path, const std::string& name = {});
/// The same from memory; `where` names the source in messages.
Tensor parse_npz(std::span<const std::byte> bytes, const std::string& where,
                 const std::string& name = {});

/// Whether `path` is an .npz file without the name of an array: all of its arrays.
bool is_npz_file(const std::string& path);
/// Whether `path` means a file of NumPy's: "x.npy", "x.npz" or "x.npz:name", in either case.
bool is_numpy(const std::string& path);
/// The array that such a path means.
Tensor read_numpy(const std::string& path);

}  // namespace betimes::import
