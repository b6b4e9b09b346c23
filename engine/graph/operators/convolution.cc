// Conv and ConvTranspose: https://onnx.ai/onnx/operators/onnx__Conv.html (11), ConvTranspose (11).
#include "betimes/graph/detail/convolution.h"

#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

void check_weights(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  if (context.present(2)) require_same_dtype(context, 2, 0);
}

std::vector<TensorType> infer_conv(const NodeContext& context) {
  check_weights(context);
  const Convolution conv = convolution(context);
  if (context.present(2)) require_shape(context, 2, {conv.groups * conv.out});
  return one(context.type(0).dtype, conv.window.output_shape(conv.batch, conv.groups * conv.out));
}

/// Adds one input plane, seen through one kernel plane, to one output plane. The innermost loop
/// runs along an output row, so that the compiler can use vectors.
template <class T>
void add_plane(const Window& window, const T* x, const T* w, T* y) {
  const auto& [depth, height, width] = window.axes;
  for (int64_t kd = 0; kd < depth.kernel; ++kd) {
    for (int64_t od = depth.first_output(kd); od < depth.end_output(kd); ++od) {
      for (int64_t kh = 0; kh < height.kernel; ++kh) {
        for (int64_t oh = height.first_output(kh); oh < height.end_output(kh); ++oh) {
          const T* row = x + (depth.input(od, kd) * height.in + height.input(oh, kh)) * width.in;
          T* sums = y + (od * height.out + oh) * width.out;
          const T* weights = w + (kd * height.kernel + kh) * width.kernel;
          for (int64_t kw = 0; kw < width.kernel; ++kw) {
            const T weight = weights[kw];
            const int64_t first = width.first_output(kw);
            const T* from = row + width.input(first, kw);
            const int64_t count = width.end_output(kw) - first;
            for (int64_t i = 0; i < count; ++i) sums[first + i] += weight * from[i * width.stride];
          }
        }
      }
    }
  }
}

template <class T>
void run_conv(const Convolution& conv, const T* x, const T* w, const T* bias, T* y) {
  const int64_t plane_in = conv.window.in();
  const int64_t plane_out = conv.window.out();
  const int64_t taps = conv.window.taps();
  const int64_t channels = conv.groups * conv.out;
  for (int64_t n = 0; n < conv.batch; ++n) {
    for (int64_t c = 0; c < channels; ++c, y += plane_out) {
      std::fill_n(y, plane_out, bias ? bias[c] : T{});
      const T* input = x + (n * conv.groups + c / conv.out) * conv.in * plane_in;
      const T* weights = w + c * conv.in * taps;
      for (int64_t i = 0; i < conv.in; ++i) {
        add_plane(conv.window, input + i * plane_in, weights + i * taps, y);
      }
    }
  }
}

Evaluator prepare_conv(const NodeContext& context, std::span<const TensorType>) {
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [conv = convolution(context)](auto inputs, auto outputs) {
      const T* bias = inputs.size() > 2 ? inputs[2].template as<T>() : nullptr;
      run_conv(conv, inputs[0].template as<T>(), inputs[1].template as<T>(), bias,
               outputs[0].template as<T>());
    };
  });
}

Convolution transposed(const NodeContext& context) {
  const std::vector<int64_t> kernel = weight_kernel(context, 1);
  const Shape& x = context.shape(0);
  const Shape& w = context.shape(1);
  const int64_t groups = group_count(context);
  require_groups(context, x[1], "input channels");
  if (w[0] != x[1]) {
    fail(context, found_input(context, 1) + " for an input of " + to_string(x),
         std::to_string(x[1]) + " as its first extent");
  }
  if (context.present(2)) require_shape(context, 2, {w[1] * groups});
  return {transposed_window(context, kernel), x[0], groups, x[1] / groups, w[1]};
}

std::vector<TensorType> infer_conv_transpose(const NodeContext& context) {
  check_weights(context);
  const Convolution conv = transposed(context);
  return one(context.type(0).dtype, conv.window.output_shape(conv.batch, conv.groups * conv.out));
}

/// Spreads one input plane through one kernel plane over one output plane.
template <class T>
void spread_plane(const Window& window, const T* x, const T* w, T* y) {
  const auto& [depth, height, width] = window.axes;
  for (int64_t id = 0; id < depth.in; ++id) {
    for (int64_t ih = 0; ih < height.in; ++ih) {
      for (int64_t iw = 0; iw < width.in; ++iw, ++x) {
        const T* weight = w;
        for (int64_t kd = 0; kd < depth.kernel; ++kd) {
          const int64_t od = depth.input(id, kd);
          for (int64_t kh = 0; kh < height.kernel; ++kh) {
            const int64_t oh = height.input(ih, kh);
            for (int64_t kw = 0; kw < width.kernel; ++kw, ++weight) {
              const int64_t ow = width.input(iw, kw);
              if (od < 0 || od >= depth.out || oh < 0 || oh >= height.out || ow < 0 ||
                  ow >= width.out) {
                continue;
              }
              y[(od * height.out + oh) * width.out + ow] += *x * *weight;
            }
          }
        }
      }
    }
  }
}

template <class T>
void run_transposed(const Convolution& conv, const T* x, const T* w, const T* bias, T* y) {
  const int64_t plane_in = conv.window.in();
  const int64_t plane_out = conv.window.out();
  const int64_t taps = conv.window.taps();
  for (int64_t n = 0; n < conv.batch; ++n) {
    for (int64_t g = 0; g < conv.groups; ++g) {
      for (int64_t c = 0; c < conv.out; ++c, y += plane_out) {
        std::fill_n(y, plane_out, bias ? bias[g * conv.out + c] : T{});
        for (int64_t i = 0; i < conv.in; ++i) {
          const int64_t channel = g * conv.in + i;
          spread_plane(conv.window, x + (n * conv.groups * conv.in + channel) * plane_in,
                       w + (channel * conv.out + c) * taps, y);
        }
      }
    }
  }
}

Evaluator prepare_conv_transpose(const NodeContext& context, std::span<const TensorType>) {
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [conv = transposed(context)](auto inputs, auto outputs) {
      const T* bias = inputs.size() > 2 ? inputs[2].template as<T>() : nullptr;
      run_transposed(conv, inputs[0].template as<T>(), inputs[1].template as<T>(), bias,
                     outputs[0].template as<T>());
    };
  });
}

}  // namespace

void register_convolution(OperatorRegistry& registry) {
  registry.add({.name = "Conv",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = window_attributes(
                    {{"dilations", AttributeKind::integers}, {"group", AttributeKind::integer}}),
                .types = Wide::list(),
                .infer = infer_conv,
                .prepare = prepare_conv});
  registry.add({.name = "ConvTranspose",
                .min_inputs = 2,
                .max_inputs = 3,
                .attributes = window_attributes({{"dilations", AttributeKind::integers},
                                                 {"group", AttributeKind::integer},
                                                 {"output_padding", AttributeKind::integers},
                                                 {"output_shape", AttributeKind::integers}}),
                .types = Wide::list(),
                .infer = infer_conv_transpose,
                .prepare = prepare_conv_transpose});
}

}  // namespace betimes::graph
