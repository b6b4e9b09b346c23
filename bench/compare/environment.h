#pragma once

#include <string>

namespace betimes::bench {

/// What stands above every table: the machine and what it can do, libraries, load and date.
std::string environment();

/// Puts `text` between the lines "<!-- begin NAME -->" and "<!-- end NAME -->" of a file. Throws
/// Error when it has no such lines.
void write_between(const std::string& path, const std::string& name, const std::string& text);

}  // namespace betimes::bench
