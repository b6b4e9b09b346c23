#include <algorithm>

#include "betimes/runtime/detail/kernel.h"

// Nodes that only name memory anew: no step at all.

namespace betimes::runtime {
namespace {

Offer reshape(const Candidate& candidate) {
  Choice choice;
  choice.view = true;
  const Shape& in = candidate.context.shape(0);
  const Shape& out = candidate.outputs[0].shape;
  // Batch and channels kept, positions merely folded otherwise: channels stay last.
  const bool same_channels =
      in.size() >= 3 && out.size() >= 3 && in[0] == out[0] && in[1] == out[1];
  const Layout layout = same_channels ? candidate.layouts[0] : Layout::plain;
  choice.reads = {{0, layout}};
  choice.writes = {layout};
  return choice;
}

/// A transpose that undoes, or makes, the order that the memory already has.
Offer transpose(const Candidate& candidate) {
  const Shape& in = candidate.context.shape(0);
  std::vector<int64_t> order = candidate.node().get("perm", std::vector<int64_t>{});
  if (order.empty()) {
    for (size_t i = in.size(); i-- > 0;) order.push_back(static_cast<int64_t>(i));
  }
  // Position in memory of each axis of extent > 1, before and after.
  const auto memory_axes = [](size_t rank, Layout layout) {
    std::vector<size_t> axes(rank);
    for (size_t i = 0; i < rank; ++i) axes[i] = i;
    if (layout == Layout::channels_last && rank >= 3) {
      std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
    }
    return axes;
  };
  const auto sequence = [&](const std::vector<size_t>& axes, bool permuted) {
    std::vector<int64_t> source;
    for (const size_t axis : axes) {
      const int64_t from = permuted ? order[axis] : static_cast<int64_t>(axis);
      if (in[static_cast<size_t>(from)] != 1) source.push_back(from);
    }
    return source;
  };
  for (const Layout out : {Layout::plain, Layout::channels_last}) {
    const Layout given = candidate.layouts[0];
    if (sequence(memory_axes(in.size(), given), false) !=
        sequence(memory_axes(in.size(), out), true)) {
      continue;
    }
    Choice choice;
    choice.view = true;
    choice.reads = {{0, given}};
    choice.writes = {out};
    return choice;
  }
  return Refusal{};
}

Offer unchanged(const Candidate& candidate) {
  if (candidate.node().outputs.size() > 1 && !candidate.node().outputs[1].empty()) return Refusal{};
  if (candidate.context.type(0).dtype != candidate.outputs[0].dtype) return Refusal{};
  Choice choice;
  choice.view = true;
  choice.reads = {{0, candidate.layouts[0]}};
  choice.writes = {candidate.layouts[0]};
  return choice;
}

}  // namespace

void register_views(KernelRegistry& registry) {
  for (const char* op : {"Reshape", "Flatten", "Squeeze", "Unsqueeze"})
    registry.add(op, 0, reshape);
  for (const char* op : {"Identity", "Dropout", "Cast"}) registry.add(op, 0, unchanged);
  registry.add("Transpose", 0, transpose);
}

}  // namespace betimes::runtime
