#include "betimes/runtime/detail/convolution.h"
#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Pooling over channels-last images.

namespace betimes::runtime {
namespace {

template <class T, class Body>
Choice pooling_choice(const Candidate& candidate, const ConvolutionShape& shape, const Body& body) {
  Choice choice;
  choice.reads = {{0, Layout::channels_last}};
  choice.writes = {Layout::channels_last};
  const int64_t rows = shape.batch * shape.out_height;
  const int64_t taps = shape.kernel_height * shape.kernel_width;
  const int threads =
      useful_threads(candidate.threads, rows * shape.out_width * shape.in_channels * taps);
  choice.precision = candidate.outputs[0].dtype == DType::f32 ? "fp32" : "int8";
  choice.kernel =
      simple_kernel(std::string("vector ") + loops().level, [=](const Buffers& buffers) {
        const T* in = static_cast<const T*>(buffers.inputs[0]);
        T* out = static_cast<T*>(buffers.outputs[0]);
        return [=] {
          parallel(threads, rows,
                   [&](int64_t row, int64_t end) { body(shape, in, out, row, end); });
        };
      });
  return choice;
}

Offer max_pool(const Candidate& candidate) {
  const auto shape =
      convolution_shape(candidate.node(), candidate.context.shape(0), candidate.outputs[0].shape);
  const bool indices = candidate.node().outputs.size() > 1 && !candidate.node().outputs[1].empty();
  if (!shape || indices) return Refusal{"only one- and two-dimensional pooling without indices"};
  if (candidate.outputs[0].dtype == DType::f32) {
    return pooling_choice<float>(candidate, *shape, loops().max_pool_f32);
  }
  if (candidate.outputs[0].dtype == DType::u8) {
    return pooling_choice<uint8_t>(candidate, *shape, loops().max_pool_u8);
  }
  return Refusal{"neither fp32 nor uint8"};
}

Offer average_pool(const Candidate& candidate) {
  const auto shape =
      convolution_shape(candidate.node(), candidate.context.shape(0), candidate.outputs[0].shape);
  if (!shape || candidate.outputs[0].dtype != DType::f32) {
    return Refusal{"only one- and two-dimensional pooling in fp32"};
  }
  for (const int64_t dilation : candidate.node().get("dilations", std::vector<int64_t>{})) {
    if (dilation != 1) return Refusal{"dilated windows"};
  }
  const bool count_padding = candidate.node().get("count_include_pad", int64_t{0}) != 0;
  // With ceil_mode the last window may hang over the padding, where its size isn't the kernel's.
  if (count_padding && candidate.node().get("ceil_mode", int64_t{0}) != 0) {
    return Refusal{"ceil_mode together with count_include_pad"};
  }
  const auto body = loops().average_pool;
  return pooling_choice<float>(
      candidate, *shape,
      [=](const ConvolutionShape& s, const float* in, float* out, int64_t row, int64_t end) {
        body(s, count_padding, in, out, row, end);
      });
}

}  // namespace

void register_pooling(KernelRegistry& registry) {
  registry.add("MaxPool", 10, max_pool);
  registry.add("AveragePool", 10, average_pool);
}

}  // namespace betimes::runtime
