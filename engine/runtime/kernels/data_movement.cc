#include <algorithm>
#include <cstring>

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/detail/parallel.h"

// Concat, and Slice, Split and Gather along one axis, as runs of contiguous bytes: no copy at all
// where one run is all.

namespace betimes::runtime {
namespace {

/// Where an axis stands in memory.
size_t memory_axis(size_t axis, size_t rank, Layout layout) {
  if (layout == Layout::plain || axis == 0) return axis;
  return axis == 1 ? rank - 1 : axis - 1;
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
  choice.join = whole.outer == 1;
  if (choice.join) return choice;
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
  choice.view = whole.outer == 1;
  if (choice.view) {
    for (const Part& part : parts) choice.offsets.push_back(part.offset);
    return choice;
  }
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

/// out[r][i] = in[r][start + i * step], elements of `inner` numbers each.
template <class T>
void take_strided(const T* in, T* out, const Runs& from, int64_t taken, int64_t start,
                  int64_t step) {
  for (int64_t o = 0; o < from.outer; ++o) {
    const T* run = in + (o * from.axis + start) * from.inner;
    if (from.inner == 1) {
      for (int64_t i = 0; i < taken; ++i) out[i] = run[i * step];
    } else {
      for (int64_t i = 0; i < taken; ++i) {
        std::copy_n(run + i * step * from.inner, from.inner, out + i * from.inner);
      }
    }
    out += taken * from.inner;
  }
}

template <class T>
std::unique_ptr<Kernel> strided_kernel(const Runs& from, int64_t taken, int64_t start,
                                       int64_t step) {
  return simple_kernel("strided copy", [=](const Buffers& buffers) {
    const T* in = static_cast<const T*>(buffers.inputs[0]);
    T* out = static_cast<T*>(buffers.outputs[0]);
    return [=] { take_strided(in, out, from, taken, start, step); };
  });
}

/// Every step-th element of one axis, forwards.
Offer cut_strided(const Candidate& candidate, size_t axis, int64_t start, int64_t step) {
  const TensorType& type = candidate.outputs[0];
  const Layout layout = type.shape.size() < 3 ? Layout::plain : candidate.layouts[0];
  const Runs from = runs_around(candidate.context.shape(0), axis, layout);
  const int64_t taken = type.shape[axis];
  Choice choice;
  choice.reads = {{0, layout}};
  choice.writes = {layout};
  choice.precision = type.dtype == DType::f32 ? "fp32" : std::string(name(type.dtype));
  switch (size_of(type.dtype)) {
    case 1:
      choice.kernel = strided_kernel<uint8_t>(from, taken, start, step);
      return choice;
    case 4:
      choice.kernel = strided_kernel<uint32_t>(from, taken, start, step);
      return choice;
    default:
      return Refusal{"elements of neither one nor four bytes"};
  }
}

/// What Slice takes of one axis: the first position, already in range, and the step.
struct Cut {
  size_t axis = 0;
  int64_t start = 0;
  int64_t step = 1;
};

/// The axes that change; an axis that is cut to its whole isn't among them.
std::optional<std::vector<Cut>> cuts_of(const Candidate& candidate) {
  const Shape& in = candidate.context.shape(0);
  const auto starts = candidate.context.integers(1, "starts");
  std::vector<int64_t> axes(starts.size());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  std::vector<int64_t> steps(starts.size(), 1);
  if (candidate.context.present(3)) axes = candidate.context.integers(3, "axes");
  if (candidate.context.present(4)) steps = candidate.context.integers(4, "steps");
  if (axes.size() != starts.size() || steps.size() != starts.size()) return std::nullopt;
  std::vector<Cut> cuts;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + static_cast<int64_t>(in.size()) : axes[i];
    if (axis < 0 || axis >= static_cast<int64_t>(in.size()) || steps[i] < 1) return std::nullopt;
    const size_t at = static_cast<size_t>(axis);
    if (candidate.outputs[0].shape[at] == in[at]) continue;
    const int64_t start = starts[i] < 0 ? starts[i] + in[at] : starts[i];
    cuts.push_back({at, std::clamp<int64_t>(start, 0, in[at]), steps[i]});
  }
  return cuts;
}

Offer slice(const Candidate& candidate) {
  const auto cuts = cuts_of(candidate);
  if (!cuts || cuts->size() > 1) return Refusal{"more than one axis is cut, or one backwards"};
  if (cuts->empty()) {
    Choice choice;
    choice.view = true;
    choice.reads = {{0, candidate.layouts[0]}};
    choice.writes = {candidate.layouts[0]};
    return choice;
  }
  const Cut& only = cuts->front();
  if (only.step > 1) return cut_strided(candidate, only.axis, only.start, only.step);
  return cut(candidate, only.axis, {only.start});
}

/// One known index: a cut that loses the axis.
Offer gather(const Candidate& candidate) {
  const Tensor* index = candidate.constant(1);
  const Shape& in = candidate.context.shape(0);
  const auto axis = axis_of(candidate.node(), 0, in.size());
  if (!index || index->size() != 1 || !axis) return Refusal{};
  const Runs whole = runs_around(in, *axis, Layout::plain);
  if (whole.outer != 1) return Refusal{};
  int64_t at = index->cast(DType::i64).data<int64_t>()[0];
  if (at < 0) at += whole.axis;
  if (at < 0 || at >= whole.axis) return Refusal{"the index is out of range"};
  Choice choice;
  choice.view = true;
  choice.reads = {{0, Layout::plain}};
  choice.offsets = {static_cast<size_t>(at * whole.inner) * size_of(candidate.outputs[0].dtype)};
  return choice;
}

}  // namespace

void register_data_movement(KernelRegistry& registry) {
  registry.add("Concat", 10, concat);
  registry.add("Split", 10, split);
  registry.add("Slice", 10, slice);
  registry.add("Gather", 10, gather);
}

}  // namespace betimes::runtime
