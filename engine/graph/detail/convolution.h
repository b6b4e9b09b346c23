#pragma once

#include "betimes/graph/detail/window.h"

namespace betimes::graph::detail {

/// What operators that convolve input 0 [N, C, spatial...] with input 1 share.
struct Convolution {
  Window window;
  int64_t batch = 0;
  int64_t groups = 1;
  int64_t in = 0;   // channels of a group
  int64_t out = 0;  // channels of a group
};

/// The attribute, 1 or more.
int64_t group_count(const NodeContext& context);
/// Throws Error unless the channels are a multiple of the groups.
void require_groups(const NodeContext& context, int64_t channels, const char* what);

/// Of weights [C_out, C / group, kernel...]; throws Error naming the node where they don't fit.
Convolution convolution(const NodeContext& context);

}  // namespace betimes::graph::detail
