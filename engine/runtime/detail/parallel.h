#pragma once

#include <cstdint>

namespace betimes::runtime {

/// Splits 0..count-1 into one contiguous part a thread: body(begin, end). With one thread it is a
/// plain call.
template <class Body>
void parallel(int threads, int64_t count, const Body& body) {
  if (threads <= 1 || count <= 1) {
    body(int64_t{0}, count);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int part = 0; part < threads; ++part) {
    const int64_t begin = count * part / threads;
    const int64_t end = count * (part + 1) / threads;
    if (begin < end) body(begin, end);
  }
}

/// Threads worth waking for this many elementary operations: a team costs about a microsecond.
inline int useful_threads(int threads, int64_t operations) {
  return operations < 16384 ? 1 : threads;
}

}  // namespace betimes::runtime
