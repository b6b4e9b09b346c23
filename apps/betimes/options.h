#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::cli {

/// Reads "x=1,3,224,224" and "x=1x3x224x224". Throws Error that shows the form.
std::map<std::string, Shape> parse_shapes(const std::vector<std::string>& texts);

/// Throws Error when no file can be written at `path` (its folder is missing or closed to us), so
/// that long work doesn't end in a failed write.
void check_writable(const std::string& path);

/// Columns of the terminal on standard output; 100 when it is none.
int terminal_width();

}  // namespace betimes::cli
