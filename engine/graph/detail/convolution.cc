#include "betimes/graph/detail/convolution.h"

#include "betimes/graph/detail/check.h"

namespace betimes::graph::detail {

int64_t group_count(const NodeContext& context) {
  return bounded(context, "attribute 'group'", context.node.get("group", int64_t{1}), 1,
                 int64_t{1} << 31);
}

void require_groups(const NodeContext& context, int64_t channels, const char* what) {
  if (channels % group_count(context) == 0) return;
  fail(context, std::string(what) + " are " + std::to_string(channels),
       "a multiple of group = " + std::to_string(group_count(context)));
}

Convolution convolution(const NodeContext& context) {
  const std::vector<int64_t> kernel = weight_kernel(context, 1);
  const Shape& x = context.shape(0);
  const Shape& w = context.shape(1);
  const int64_t groups = group_count(context);
  require_groups(context, x[1], "input channels");
  require_groups(context, w[0], "output channels");
  if (w[1] != x[1] / groups) {
    fail(context, found_input(context, 1) + " for an input of " + to_string(x),
         std::to_string(x[1] / groups) + " as its second extent");
  }
  return {sliding_window(context, kernel), x[0], groups, w[1], w[0] / groups};
}

}  // namespace betimes::graph::detail
