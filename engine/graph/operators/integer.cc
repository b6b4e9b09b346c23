// MatMulInteger (10), ConvInteger (10): 8-bit operands, sums in int32 that wrap around.
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/convolution.h"
#include "betimes/graph/detail/matmul.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// Zero points of an operand: one, or one for each of its rows, columns or channels.
int64_t zero_count(const NodeContext& context, size_t zero, size_t operand) {
  if (!context.present(zero)) return 0;
  require_same_dtype(context, zero, operand);
  return element_count(context.shape(zero));
}

void require_zeros(const NodeContext& context, size_t zero, size_t operand, int64_t each) {
  const int64_t count = zero_count(context, zero, operand);
  if (count <= 1 || count == each) return;
  fail(context, found_input(context, zero), "one, or " + std::to_string(each));
}

/// Zero point `i` of the input, as far as there are any.
struct Zeros {
  const void* data = nullptr;
  Reader read = nullptr;
  int64_t count = 0;

  Zeros(std::span<const TensorView> inputs, size_t input) {
    if (input >= inputs.size() || inputs[input].data == nullptr) return;
    data = inputs[input].data;
    read = reader_of(inputs[input].type.dtype);
    count = inputs[input].size();
  }
  int32_t at(int64_t i) const {
    return count == 0 ? 0 : static_cast<int32_t>(read(data, count == 1 ? 0 : i));
  }
};

std::vector<TensorType> infer_product(const NodeContext& context) {
  require_one_of(context, 1, Bytes::list());
  const MatrixProduct product(context, 0, 1);
  require_zeros(context, 2, 0, product.extents().m);
  require_zeros(context, 3, 1, product.extents().n);
  return one(DType::i32, product.output_shape());
}

template <class A, class B>
Evaluator product_evaluator(const NodeContext& context) {
  return [product = MatrixProduct(context, 0, 1)](auto inputs, auto outputs) {
    const A* a = inputs[0].template as<const A>();
    const B* b = inputs[1].template as<const B>();
    auto* y = outputs[0].template as<int32_t>();
    const Zeros a_zeros(inputs, 2);
    const Zeros b_zeros(inputs, 3);
    const auto& [m, k, n] = product.extents();
    product.each([&, m = m, k = k, n = n](int64_t from_a, int64_t from_b, int64_t to) {
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          uint32_t sum = 0;
          for (int64_t l = 0; l < k; ++l) {
            const int32_t left = a[from_a + i * k + l] - a_zeros.at(i);
            sum += static_cast<uint32_t>(left * (b[from_b + l * n + j] - b_zeros.at(j)));
          }
          y[to + i * n + j] = static_cast<int32_t>(sum);
        }
      }
    });
  };
}

/// f(a, b) with zeros of the types of inputs 0 and 1.
template <class F>
Evaluator for_types(const NodeContext& context, F f) {
  return Bytes::dispatch(context.type(0).dtype, [&](auto a) {
    return Bytes::dispatch(context.type(1).dtype, [&](auto b) { return f(a, b); });
  });
}

Evaluator prepare_product(const NodeContext& context, std::span<const TensorType>) {
  return for_types(context, [&](auto a, auto b) {
    return product_evaluator<decltype(a), decltype(b)>(context);
  });
}

std::vector<TensorType> infer_conv(const NodeContext& context) {
  require_one_of(context, 1, Bytes::list());
  const Convolution conv = convolution(context);
  require_zeros(context, 2, 0, 1);
  require_zeros(context, 3, 1, conv.groups * conv.out);
  return one(DType::i32, conv.window.output_shape(conv.batch, conv.groups * conv.out));
}

/// Calls f(input position, kernel position) for the window's places at one output position.
/// Padding is the zero point, which adds nothing.
template <class F>
void each_tap(const Window& window, int64_t output, F f) {
  const auto& [depth, height, width] = window.axes;
  const int64_t ow = output % width.out;
  const int64_t oh = output / width.out % height.out;
  const int64_t od = output / width.out / height.out;
  for (int64_t kd = depth.first_inside(od); kd < depth.end_inside(od); ++kd) {
    for (int64_t kh = height.first_inside(oh); kh < height.end_inside(oh); ++kh) {
      for (int64_t kw = width.first_inside(ow); kw < width.end_inside(ow); ++kw) {
        f((depth.input(od, kd) * height.in + height.input(oh, kh)) * width.in + width.input(ow, kw),
          (kd * height.kernel + kh) * width.kernel + kw);
      }
    }
  }
}

template <class X, class W>
Evaluator convolution_evaluator(const NodeContext& context) {
  return [conv = convolution(context)](auto inputs, auto outputs) {
    const Zeros x_zeros(inputs, 2);
    const Zeros w_zeros(inputs, 3);
    auto* y = outputs[0].template as<int32_t>();
    const int64_t channels = conv.groups * conv.out;
    for (int64_t n = 0; n < conv.batch; ++n) {
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t first = (n * conv.groups + c / conv.out) * conv.in;
        const X* x = inputs[0].template as<const X>() + first * conv.window.in();
        const W* w = inputs[1].template as<const W>() + c * conv.in * conv.window.taps();
        for (int64_t o = 0; o < conv.window.out(); ++o) {
          uint32_t sum = 0;
          each_tap(conv.window, o, [&](int64_t position, int64_t tap) {
            for (int64_t i = 0; i < conv.in; ++i) {
              const int32_t value = x[i * conv.window.in() + position] - x_zeros.at(0);
              const int32_t weight = w[i * conv.window.taps() + tap] - w_zeros.at(c);
              sum += static_cast<uint32_t>(value * weight);
            }
          });
          *y++ = static_cast<int32_t>(sum);
        }
      }
    }
  };
}

Evaluator prepare_conv(const NodeContext& context, std::span<const TensorType>) {
  return for_types(context, [&](auto x, auto w) {
    return convolution_evaluator<decltype(x), decltype(w)>(context);
  });
}

}  // namespace

void register_integer(OperatorRegistry& registry) {
  registry.add({.name = "MatMulInteger",
                .min_inputs = 2,
                .max_inputs = 4,
                .types = Bytes::list(),
                .infer = infer_product,
                .prepare = prepare_product});
  registry.add({.name = "ConvInteger",
                .min_inputs = 2,
                .max_inputs = 4,
                .attributes = window_attributes(
                    {{"dilations", AttributeKind::integers}, {"group", AttributeKind::integer}}),
                .types = Bytes::list(),
                .infer = infer_conv,
                .prepare = prepare_conv});
}

}  // namespace betimes::graph
