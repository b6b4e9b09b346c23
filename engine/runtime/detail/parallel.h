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

/// Threads worth waking for a product of this many multiplications: each wants some microseconds of
/// its own, or their meeting costs more than they save.
inline int product_threads(int threads, int64_t macs) {
  constexpr int64_t each = 32768;
  return macs / each < threads ? static_cast<int>(macs / each > 1 ? macs / each : 1) : threads;
}

}  // namespace betimes::runtime
