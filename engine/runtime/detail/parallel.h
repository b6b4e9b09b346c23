#pragma once

#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace betimes::runtime {

/// Where a team begins and ends its work. GCC's OpenMP isn't built for ThreadSanitizer, which
/// doesn't see it wake and wait for the team's threads, and has to be told.
class TeamFence {
 public:
#if defined(__SANITIZE_THREAD__)
  TeamFence() { __tsan_release(&start_); }
  ~TeamFence() { __tsan_acquire(&finish_); }
  void enter() { __tsan_acquire(&start_); }
  void leave() { __tsan_release(&finish_); }

 private:
  char start_ = 0, finish_ = 0;
#else
  void enter() {}
  void leave() {}
#endif
};

/// Splits 0..count-1 into one contiguous part a thread: body(begin, end). With one thread it is a
/// plain call. What the compiler hands to the team isn't the sanitizer's business; the body is.
template <class Body>
__attribute__((no_sanitize("thread"))) void parallel(int threads, int64_t count, const Body& body) {
  if (threads <= 1 || count <= 1) {
    body(int64_t{0}, count);
    return;
  }
  TeamFence fence;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int part = 0; part < threads; ++part) {
    const int64_t begin = count * part / threads;
    const int64_t end = count * (part + 1) / threads;
    fence.enter();
    if (begin < end) body(begin, end);
    fence.leave();
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
