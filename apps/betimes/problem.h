#pragma once

namespace betimes::cli {

/// Tells stderr of the exception that is being handled. Returns the program's exit code for it: 2
/// for bad input, 3 for an error of our own.
int report_problem();

}  // namespace betimes::cli
