#pragma once

#include <cstdint>
#include <vector>

// Reuse factors of a dense layer with n_in inputs and n_out outputs, as hls4ml allows them.

namespace betimes::systems::wa_hls4ml {

/// Whether hls4ml synthesises with it: with m = ceil(n_in n_out / min(n_in, reuse)), m is a
/// multiple of n_out or reuse >= n_in; reuse is a multiple of n_in or less; and it divides n_in
/// n_out.
bool valid_reuse(int64_t n_in, int64_t n_out, int64_t reuse);

/// All of them, from 1 to n_in n_out. Throws Error for sizes below 1 or above 100,000.
std::vector<int64_t> valid_reuses(int64_t n_in, int64_t n_out);

/// The one closest to `requested`, the smaller of two: what hls4ml takes instead. Throws Error as
/// valid_reuses() does, and for a request below 1.
int64_t closest_reuse(int64_t n_in, int64_t n_out, int64_t requested);

}  // namespace betimes::systems::wa_hls4ml
