#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Softmax and LogSoftmax along the axis that is innermost in memory.

namespace betimes::runtime {
namespace {

Offer softmax(const Candidate& candidate) {
  const TensorType& type = candidate.outputs[0];
  const int64_t rank = static_cast<int64_t>(type.shape.size());
  int64_t axis = candidate.node().get("axis", int64_t{-1});
  if (axis < 0) axis += rank;
  if (type.dtype != DType::f32 || rank == 0) return Refusal{"not fp32"};
  Layout layout = Layout::plain;
  if (axis != rank - 1) {
    if (axis != 1 || rank < 3) return Refusal{"the axis isn't innermost in any layout"};
    layout = Layout::channels_last;
  }
  const int64_t count = type.shape[static_cast<size_t>(axis)];
  if (count == 0) return Refusal{"the axis is empty"};
  const int64_t rows = element_count(type.shape) / count;
  const int threads = useful_threads(candidate.threads, rows * count * 8);
  const Loops& vector = loops();
  const bool logarithm = candidate.node().op != "Softmax";
  const auto compute = logarithm ? vector.log_softmax : vector.softmax;
  const bool narrow = !logarithm && count <= Loops::most_narrow;
  const auto narrow_rows = vector.softmax_narrow;
  Choice choice;
  choice.reads = {{0, layout}};
  choice.writes = {layout};
  choice.overwrites = 0;
  choice.kernel = simple_kernel(std::string("vector ") + vector.level, [=](const Buffers& b) {
    const float* in = static_cast<const float*>(b.inputs[0]);
    float* out = static_cast<float*>(b.outputs[0]);
    return [=] {
      parallel(threads, rows, [&](int64_t row, int64_t end) {
        if (narrow) return narrow_rows(in + row * count, out + row * count, end - row, count);
        for (; row < end; ++row) compute(in + row * count, out + row * count, count);
      });
    };
  });
  return choice;
}

}  // namespace

void register_softmax(KernelRegistry& registry) {
  registry.add("Softmax", 10, softmax);
  registry.add("LogSoftmax", 10, softmax);
}

}  // namespace betimes::runtime
