#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Conversions between fp32 and uint8 with one scale, in whatever layout the array lies.

namespace betimes::runtime {
namespace {

struct Parameters {
  float scale = 1;
  int32_t zero = 0;
};

std::optional<Parameters> parameters_of(const Candidate& candidate) {
  const Tensor* scale = candidate.constant(1);
  if (!scale || scale->size() != 1 || scale->dtype() != DType::f32) return std::nullopt;
  Parameters result{scale->data<float>()[0], 0};
  if (candidate.context.present(2)) {
    const Tensor* zero = candidate.constant(2);
    if (!zero || zero->size() != 1) return std::nullopt;
    result.zero = zero->cast(DType::i32).data<int32_t>()[0];
  }
  return result;
}

template <class From, class To, class Body>
Choice choice_of(const Candidate& candidate, const Body& body) {
  const int64_t count = element_count(candidate.outputs[0].shape);
  const int threads = useful_threads(candidate.threads, count);
  Choice choice;
  choice.reads = {{0, candidate.layouts[0]}};
  choice.writes = {candidate.layouts[0]};
  choice.precision = "int8";
  choice.kernel =
      simple_kernel(std::string("vector ") + loops().level, [=](const Buffers& buffers) {
        const From* in = static_cast<const From*>(buffers.inputs[0]);
        To* out = static_cast<To*>(buffers.outputs[0]);
        return [=] {
          parallel(threads, count,
                   [&](int64_t begin, int64_t end) { body(in + begin, out + begin, end - begin); });
        };
      });
  return choice;
}

Offer quantize(const Candidate& candidate) {
  const auto p = parameters_of(candidate);
  const bool suits =
      candidate.context.type(0).dtype == DType::f32 && candidate.outputs[0].dtype == DType::u8;
  if (!p || !suits) return Refusal{"the vector kernel turns fp32 to uint8 with one scale"};
  return choice_of<float, uint8_t>(candidate, [p = *p](const float* in, uint8_t* out, int64_t n) {
    loops().quantize(in, out, n, p.scale, p.zero);
  });
}

Offer dequantize(const Candidate& candidate) {
  const auto p = parameters_of(candidate);
  const bool suits =
      candidate.context.type(0).dtype == DType::u8 && candidate.outputs[0].dtype == DType::f32;
  if (!p || !suits) return Refusal{"the vector kernel turns uint8 to fp32 with one scale"};
  return choice_of<uint8_t, float>(candidate, [p = *p](const uint8_t* in, float* out, int64_t n) {
    loops().dequantize(in, out, n, p.scale, p.zero);
  });
}

}  // namespace

void register_quantize_linear(KernelRegistry& registry) {
  registry.add("QuantizeLinear", 10, quantize);
  registry.add("DequantizeLinear", 10, dequantize);
}

}  // namespace betimes::runtime
