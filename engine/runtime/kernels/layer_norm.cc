#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// LayerNormalization over the trailing axes, a row at a time.

namespace betimes::runtime {
namespace {

Offer layer_norm(const Candidate& candidate) {
  const TensorType& type = candidate.outputs[0];
  const graph::Node& node = candidate.node();
  const int64_t rank = static_cast<int64_t>(type.shape.size());
  if (type.dtype != DType::f32 || rank == 0) return Refusal{"not fp32"};
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty()) return Refusal{"the statistics are wanted too"};
  }
  int64_t axis = node.get("axis", int64_t{-1});
  if (axis < 0) axis += rank;
  const Shape row(type.shape.begin() + axis, type.shape.end());
  const int64_t count = element_count(row);
  if (count == 0 || element_count(type.shape) == 0) return Refusal{"the input is empty"};
  const bool biased = candidate.context.present(2);
  if (candidate.context.shape(1) != row || (biased && candidate.context.shape(2) != row)) {
    return Refusal{"scale or bias repeat along a row"};
  }
  const int64_t rows = element_count(type.shape) / count;
  const int threads = useful_threads(candidate.threads, rows * count * 4);
  const float epsilon = node.get("epsilon", 1e-5f);
  const Loops& vector = loops();
  Choice choice;
  choice.reads = {{0, Layout::plain}, {1, Layout::plain}};
  if (biased) choice.reads.push_back({2, Layout::plain});
  choice.overwrites = 0;
  choice.kernel =
      simple_kernel(std::string("vector ") + vector.level, [=, &vector](const Buffers& b) {
        const float* in = static_cast<const float*>(b.inputs[0]);
        const float* scale = static_cast<const float*>(b.inputs[1]);
        const float* bias = biased ? static_cast<const float*>(b.inputs[2]) : nullptr;
        float* out = static_cast<float*>(b.outputs[0]);
        return [=, &vector] {
          parallel(threads, rows, [&](int64_t at, int64_t end) {
            for (; at < end; ++at) {
              vector.layer_norm(in + at * count, scale, bias, out + at * count, count, epsilon);
            }
          });
        };
      });
  return choice;
}

}  // namespace

void register_layer_norm(KernelRegistry& registry) {
  registry.add("LayerNormalization", 10, layer_norm);
}

}  // namespace betimes::runtime
