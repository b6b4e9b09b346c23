#include <algorithm>
#include <cstring>

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/detail/parallel.h"

// Concat, and Slice and Split along one axis, as runs of contiguous bytes.

namespace betimes::runtime {
namespace {

/// Where an axis stands in memory.
size_t memory_axis(size_t axis, size_t rank, Layout layout) {
  if (layout == Layout::plain || axis == 0) return axis;
  return axis == 1 ? rank - 1 : axis - 1;
}

Shape in_memory_order(Shape shape, Layout layout) {
  if (layout == Layout::channels_last && shape.size() >= 3) {
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  }
  return shape;
}

/// The extents around an axis: `outer` runs of `axis * inner` elements.
struct Runs {
  int64_t outer = 1, axis = 1, inner = 1;
};
Runs runs_around(const Shape& shape, size_t axis, Layout layout) {
  const Shape memory = in_memory_order(shape, layout);
  const size_t at = memory_axis(axis, shape.size(), layout);
  Runs runs;
  for (size_t i = 0; i < memory.size(); ++i) {
    (i < at ? runs.outer : i == at ? runs.axis : runs.inner) *= memory[i];
  }
  return runs;
}

std::optional<size_t> axis_of(const graph::Node& node, int64_t otherwise, size_t rank) {
  int64_t axis = node.get("axis", otherwise);
  if (axis < 0) axis += static_cast<int64_t>(rank);
  if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
  return static_cast<size_t>(axis);
}

/// Short runs are usual (a few channels each): a call to memcpy would cost more than the copy.
inline void copy_run(std::byte* to, const std::byte* from, size_t bytes) {
  if (bytes % 16 == 0 && bytes <= 256) {
    for (size_t i = 0; i < bytes; i += 16) std::memcpy(to + i, from + i, 16);
    return;
  }
  std::memcpy(to, from, bytes);
}

/// The layout most computed inputs have.
Layout usual_layout(const Candidate& candidate) {
  for (size_t i = 0; i < candidate.layouts.size(); ++i) {
    if (candidate.context.present(i) && !candidate.constant(i) &&
        candidate.layouts[i] == Layout::channels_last) {
      return Layout::channels_last;
    }
  }
  return Layout::plain;
}

Offer concat(const Candidate& candidate) {
  const TensorType& type = candidate.outputs[0];
  const auto axis = axis_of(candidate.node(), 0, type.shape.size());
  if (!axis) return Refusal{"the axis is out of range"};
  const Layout layout = type.shape.size() < 3 ? Layout::plain : usual_layout(candidate);
  const Runs whole = runs_around(type.shape, *axis, layout);
  const size_t width = size_of(type.dtype);
  Choice choice;
  std::vector<size_t> parts;  // bytes of each input's run
  for (size_t i = 0; i < candidate.node().inputs.size(); ++i) {
    const Runs runs = runs_around(candidate.context.shape(i), *axis, layout);
    choice.reads.push_back({i, layout});
    parts.push_back(static_cast<size_t>(runs.axis * runs.inner) * width);
  }
  choice.writes = {layout};
  choice.precision = type.dtype == DType::f32 ? "fp32" : std::string(name(type.dtype));
  const size_t stride = static_cast<size_t>(whole.axis * whole.inner) * width;
  choice.kernel = simple_kernel("copy runs", [=, outer = whole.outer](const Buffers& buffers) {
    std::vector<const std::byte*> inputs;
    for (const void* input : buffers.inputs) inputs.push_back(static_cast<const std::byte*>(input));
    std::byte* out = static_cast<std::byte*>(buffers.outputs[0]);
    return [=] {
      size_t at = 0;
      for (size_t p = 0; p < parts.size(); ++p) {
        const size_t bytes = parts[p];
        for (int64_t o = 0; bytes > 0 && o < outer; ++o) {
          const size_t run = static_cast<size_t>(o);
          copy_run(out + run * stride + at, inputs[p] + run * bytes, bytes);
        }
        at += bytes;
      }
    };
  });
  return choice;
}

/// Copies [start, start + extent) of an axis into output `index` of the bound buffers.
struct Part {
  size_t offset = 0;  // bytes into each of the input's runs
  size_t bytes = 0;
};

Choice cut(const Candidate& candidate, size_t axis, const std::vector<int64_t>& starts) {
  const Shape& shape = candidate.context.shape(0);
  const Layout layout = shape.size() < 3 ? Layout::plain : candidate.layouts[0];
  const Runs whole = runs_around(shape, axis, layout);
  const size_t width = size_of(candidate.outputs[0].dtype);
  const size_t stride = static_cast<size_t>(whole.axis * whole.inner) * width;
  std::vector<Part> parts;
  Choice choice;
  for (size_t i = 0; i < candidate.outputs.size(); ++i) {
    const Runs runs = runs_around(candidate.outputs[i].shape, axis, layout);
    parts.push_back({static_cast<size_t>(starts[i] * whole.inner) * width,
                     static_cast<size_t>(runs.axis * runs.inner) * width});
    choice.writes.push_back(layout);
  }
  choice.reads = {{0, layout}};
  choice.precision = candidate.outputs[0].dtype == DType::f32
                         ? "fp32"
                         : std::string(name(candidate.outputs[0].dtype));
  choice.kernel = simple_kernel("copy runs", [=, outer = whole.outer](const Buffers& buffers) {
    const std::byte* in = static_cast<const std::byte*>(buffers.inputs[0]);
    std::vector<std::byte*> outputs;
    for (void* output : buffers.outputs) outputs.push_back(static_cast<std::byte*>(output));
    return [=] {
      for (size_t p = 0; p < parts.size(); ++p) {
        for (int64_t o = 0; parts[p].bytes > 0 && o < outer; ++o) {
          const size_t run = static_cast<size_t>(o);
          copy_run(outputs[p] + run * parts[p].bytes, in + run * stride + parts[p].offset,
                   parts[p].bytes);
        }
      }
    };
  });
  return choice;
}

Offer split(const Candidate& candidate) {
  const auto axis = axis_of(candidate.node(), 0, candidate.context.shape(0).size());
  if (!axis) return Refusal{"the axis is out of range"};
  std::vector<int64_t> starts;
  int64_t at = 0;
  for (const TensorType& output : candidate.outputs) {
    starts.push_back(at);
    at += output.shape[*axis];
  }
  return cut(candidate, *axis, starts);
}

Offer slice(const Candidate& candidate) {
  const Shape& in = candidate.context.shape(0);
  const Shape& out = candidate.outputs[0].shape;
  const bool plain_steps = !candidate.context.present(4) || [&] {
    const auto steps = candidate.context.integers(4, "steps");
    return std::all_of(steps.begin(), steps.end(), [](int64_t step) { return step == 1; });
  }();
  if (!plain_steps) return Refusal{"a step other than 1"};
  std::optional<size_t> axis;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i]) continue;
    if (axis) return Refusal{"more than one axis is cut"};
    axis = i;
  }
  if (!axis) {
    Choice choice;
    choice.view = true;
    choice.reads = {{0, candidate.layouts[0]}};
    choice.writes = {candidate.layouts[0]};
    return choice;
  }
  const auto starts = candidate.context.integers(1, "starts");
  std::vector<int64_t> axes(starts.size());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  if (candidate.context.present(3)) axes = candidate.context.integers(3, "axes");
  for (size_t i = 0; i < axes.size() && i < starts.size(); ++i) {
    const int64_t wanted = axes[i] < 0 ? axes[i] + static_cast<int64_t>(in.size()) : axes[i];
    if (wanted != static_cast<int64_t>(*axis)) continue;
    const int64_t extent = in[*axis];
    int64_t start = starts[i] < 0 ? starts[i] + extent : starts[i];
    start = std::clamp<int64_t>(start, 0, extent);
    return cut(candidate, *axis, {start});
  }
  return Refusal{"the cut axis isn't among the axes"};
}

}  // namespace

void register_data_movement(KernelRegistry& registry) {
  registry.add("Concat", 10, concat);
  registry.add("Split", 10, split);
  registry.add("Slice", 10, slice);
}

}  // namespace betimes::runtime
