#include "apps/betimes/problem.h"

#include <cstdio>
#include <exception>
#include <new>

#include "betimes/base/error.h"

namespace betimes::cli {

int report_problem() {
  try {
    throw;
  } catch (const Error& problem) {
    std::fprintf(stderr, "betimes: %s\n", problem.what());
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "betimes: out of memory\n");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "betimes: internal error: %s\n", problem.what());
  }
  return 3;
}

}  // namespace betimes::cli
