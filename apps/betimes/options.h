#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::cli {

/// Reads "x=1,3,224,224" and "x=1x3x224x224". Throws Error that shows the form.
std::map<std::string, Shape> parse_shapes(const std::vector<std::string>& texts);
/// The same where an input may be given several shapes: the first of each input go together, then
/// the second of each ...; an input with one shape keeps it. At least one combination, which may be
/// empty. Throws Error where two inputs have several shapes, but not equally many.
std::vector<std::map<std::string, Shape>> parse_shape_sets(const std::vector<std::string>& texts);
/// Reads "N=8,16,32": extents that a symbol is rounded up to.
std::map<std::string, std::vector<int64_t>> parse_buckets(const std::vector<std::string>& texts);

/// Throws Error when no file can be written at `path` (its folder is missing or closed to us), so
/// that long work doesn't end in a failed write.
void check_writable(const std::string& path);

/// Columns of the terminal on standard output; 100 when it is none.
int terminal_width();

}  // namespace betimes::cli
