#pragma once

#include <string>

namespace betimes::cli {

/// Goes on with this same command in the program `<this one><suffix>`, which lies beside this one
/// and is linked with more. Throws Error when it can't be started, with the build option that makes
/// it.
[[noreturn]] void go_on_in(const std::string& suffix, const std::string& build_option);

}  // namespace betimes::cli
