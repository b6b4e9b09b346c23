#include "systems/hardware/wa-hls4ml/reuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "betimes/base/error.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr int64_t largest_size = 100'000;  // their product's divisors are found in a moment

}  // namespace

bool valid_reuse(int64_t n_in, int64_t n_out, int64_t reuse) {
  if (n_in < 1 || n_out < 1 || reuse < 1) return false;
  const int64_t all = n_in * n_out, least = std::min(n_in, reuse);
  const int64_t multipliers = (all + least - 1) / least;
  return (multipliers % n_out == 0 || reuse >= n_in) && (reuse % n_in == 0 || reuse < n_in) &&
         all % reuse == 0;
}

std::vector<int64_t> valid_reuses(int64_t n_in, int64_t n_out) {
  if (n_in < 1 || n_out < 1 || n_in > largest_size || n_out > largest_size) {
    throw Error("reuse factors", fmt::format("of a layer {} x {}", n_in, n_out),
                fmt::format("sizes from 1 to {}", largest_size));
  }
  std::vector<int64_t> found;
  const int64_t all = n_in * n_out;
  for (int64_t i = 1; i * i <= all; ++i) {  // only divisors can be valid
    if (all % i != 0) continue;
    if (valid_reuse(n_in, n_out, i)) found.push_back(i);
    if (i != all / i && valid_reuse(n_in, n_out, all / i)) found.push_back(all / i);
  }
  std::ranges::sort(found);
  return found;
}

int64_t closest_reuse(int64_t n_in, int64_t n_out, int64_t requested) {
  if (requested < 1) {
    throw Error("reuse factor", fmt::format("{} was asked for", requested), "1 at least");
  }
  const std::vector<int64_t> valid = valid_reuses(n_in, n_out);
  return *std::ranges::min_element(valid, {},
                                   [&](int64_t reuse) { return std::abs(reuse - requested); });
}

}  // namespace betimes::systems::wa_hls4ml
