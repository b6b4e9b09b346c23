// DFT and STFT (17). Computed in double precision whatever the type.
#include "betimes/graph/detail/fourier.h"

#include <memory>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;
using Complex = Fourier::Complex;

/// Transforms this long would be a mistake, and their tables large.
constexpr int64_t longest = int64_t{1} << 26;

/// The last dimension: 1 for real numbers, 2 for complex ones.
int64_t parts_of(const NodeContext& context, const Shape& shape) {
  const int64_t parts = shape.back();
  if (parts != 1 && parts != 2) {
    fail(context, found_input(context, 0), "a last dimension of 1 (real) or 2 (complex)");
  }
  return parts;
}

int64_t single_integer(const NodeContext& context, size_t i, const char* what, int64_t low,
                       int64_t high) {
  require_one_of(context, i, Indices::list());
  require_single(context, i);
  const std::vector<int64_t> values = context.integers(i, what);
  if (values.size() != 1) fail(context, std::string(what) + " is empty", "one number");
  return bounded(context, what, values[0], low, high);
}

template <class T>
Complex read_number(const T* x, int64_t parts) {
  return {static_cast<double>(load(x[0])), parts == 2 ? static_cast<double>(load(x[1])) : 0.0};
}
template <class T>
void write_number(T* y, Complex z) {
  y[0] = convert<T>(z.real());
  y[1] = convert<T>(z.imag());
}

struct Dft {
  int64_t outer = 1, given = 0, length = 0, kept = 0, inner = 1, parts = 1;
  bool inverse = false;
};

Dft read_dft(const NodeContext& context) {
  const Shape& shape = context.shape(0);
  require_rank(context, 0, 2, max_rank);
  Dft dft;
  dft.parts = parts_of(context, shape);
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{1}), shape.size());
  if (axis + 1 == shape.size())
    fail(context, "transforms the dimension of real and imaginary part");
  dft.inverse = flag(context, "inverse", false);
  const bool onesided = flag(context, "onesided", false);
  if (onesided && dft.inverse) fail(context, "is onesided and inverse", "one of them");
  dft.given = shape[axis];
  dft.length = context.present(1) ? single_integer(context, 1, "dft_length", 1, longest)
                                  : bounded(context, "the length", dft.given, 1, longest);
  dft.kept = onesided ? dft.length / 2 + 1 : dft.length;
  for (size_t i = 0; i < axis; ++i) dft.outer *= shape[i];
  for (size_t i = axis + 1; i + 1 < shape.size(); ++i) dft.inner *= shape[i];
  return dft;
}

std::vector<TensorType> infer_dft(const NodeContext& context) {
  Shape shape = context.shape(0);
  const Dft dft = read_dft(context);
  shape[normalized_axis(context, context.node.get("axis", int64_t{1}), shape.size())] = dft.kept;
  shape.back() = 2;
  return one(context.type(0).dtype, std::move(shape));
}

/// What calls share: tables, and the signal being transformed.
struct Workspace {
  explicit Workspace(int64_t length) : fourier(length), signal(static_cast<size_t>(length)) {}
  Fourier fourier;
  std::vector<Complex> signal;
};

Evaluator prepare_dft(const NodeContext& context, std::span<const TensorType> outputs) {
  const Dft dft = read_dft(context);
  auto work = std::make_shared<Workspace>(dft.length);
  return Floats::dispatch(outputs[0].dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      const T* x = inputs[0].template as<T>();
      T* y = results[0].template as<T>();
      for (int64_t o = 0; o < dft.outer; ++o) {
        for (int64_t i = 0; i < dft.inner; ++i) {
          for (int64_t k = 0; k < dft.length; ++k) {
            const int64_t at = ((o * dft.given + k) * dft.inner + i) * dft.parts;
            work->signal[static_cast<size_t>(k)] =
                k < dft.given ? read_number(x + at, dft.parts) : Complex(0);
          }
          work->fourier.transform(work->signal, dft.inverse);
          for (int64_t k = 0; k < dft.kept; ++k) {
            write_number(y + ((o * dft.kept + k) * dft.inner + i) * 2,
                         work->signal[static_cast<size_t>(k)]);
          }
        }
      }
    };
  });
}

struct Stft {
  int64_t batch = 0, samples = 0, step = 1, length = 0, frames = 0, kept = 0, parts = 1;
};

Stft read_stft(const NodeContext& context) {
  require_rank(context, 0, 3, 3);
  const Shape& shape = context.shape(0);
  Stft stft;
  stft.parts = parts_of(context, shape);
  stft.batch = shape[0];
  stft.samples = shape[1];
  stft.step = single_integer(context, 1, "frame_step", 1, longest);
  if (context.present(2)) {
    require_same_dtype(context, 2, 0);
    require_rank(context, 2, 1, 1);
    stft.length = context.shape(2)[0];
  }
  if (context.present(3)) {
    const int64_t length = single_integer(context, 3, "frame_length", 1, longest);
    if (stft.length != 0 && stft.length != length) {
      fail(context, "frame_length is " + std::to_string(length),
           "the window's " + std::to_string(stft.length));
    }
    stft.length = length;
  }
  if (stft.length == 0) fail(context, "has neither a window nor a frame_length", "one of them");
  bounded(context, "the frame's length", stft.length, 1, std::min(longest, stft.samples));
  stft.frames = (stft.samples - stft.length) / stft.step + 1;
  const bool onesided = flag(context, "onesided", true);
  if (onesided && stft.parts == 2) fail(context, "is onesided of a complex signal");
  stft.kept = onesided ? stft.length / 2 + 1 : stft.length;
  return stft;
}

std::vector<TensorType> infer_stft(const NodeContext& context) {
  const Stft stft = read_stft(context);
  return one(context.type(0).dtype, {stft.batch, stft.frames, stft.kept, 2});
}

Evaluator prepare_stft(const NodeContext& context, std::span<const TensorType> outputs) {
  const Stft stft = read_stft(context);
  auto work = std::make_shared<Workspace>(stft.length);
  const bool windowed = context.present(2);
  return Floats::dispatch(outputs[0].dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      const T* window = windowed ? inputs[2].template as<T>() : nullptr;
      T* y = results[0].template as<T>();
      for (int64_t b = 0; b < stft.batch; ++b) {
        for (int64_t f = 0; f < stft.frames; ++f) {
          const T* x = inputs[0].template as<T>() + (b * stft.samples + f * stft.step) * stft.parts;
          for (int64_t k = 0; k < stft.length; ++k) {
            const double weight = window ? static_cast<double>(load(window[k])) : 1.0;
            work->signal[static_cast<size_t>(k)] =
                weight * read_number(x + k * stft.parts, stft.parts);
          }
          work->fourier.transform(work->signal, false);
          for (int64_t k = 0; k < stft.kept; ++k, y += 2) {
            write_number(y, work->signal[static_cast<size_t>(k)]);
          }
        }
      }
    };
  });
}

}  // namespace

void register_fourier(OperatorRegistry& registry) {
  registry.add({.name = "DFT",
                .max_inputs = 2,
                .attributes = {{"axis", AttributeKind::integer},
                               {"inverse", AttributeKind::integer},
                               {"onesided", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_dft,
                .prepare = prepare_dft});
  registry.add({.name = "STFT",
                .min_inputs = 2,
                .max_inputs = 4,
                .attributes = {{"onesided", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_stft,
                .prepare = prepare_stft});
}

}  // namespace betimes::graph
