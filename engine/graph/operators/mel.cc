// MelWeightMatrix (17): triangular filters from a spectrum to the mel scale.
#include <cmath>
#include <cstring>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

double hertz_to_mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double mel_to_hertz(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

int64_t positive(const NodeContext& context, size_t i, const char* what) {
  require_one_of(context, i, Indices::list());
  require_single(context, i);
  return bounded(context, what, context.integers(i, what).at(0), 1, int64_t{1} << 26);
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_one_of(context, 2, Indices::list());
  for (size_t i = 2; i < 5; ++i) require_single(context, i);
  for (size_t i = 3; i < 5; ++i) require_one_of(context, i, Floats::list());
  const DType dtype = dtype_of_onnx(context, context.node.get("output_datatype", int64_t{1}));
  if (dtype == DType::boolean) fail(context, "output_datatype is bool", "a number");
  const int64_t bins = positive(context, 0, "num_mel_bins");
  const int64_t length = positive(context, 1, "dft_length");
  return one(dtype, {length / 2 + 1, bins});
}

double number(const TensorView& view) {
  Tensor tensor(view.type);
  std::memcpy(tensor.mutable_raw(), view.data, tensor.bytes());
  return tensor.cast(DType::f64).data<double>()[0];
}

/// The spectrum's bin at each of the filters' corners.
std::vector<int64_t> corners(int64_t filters, int64_t length, double rate, double low,
                             double high) {
  const double first = hertz_to_mel(low);
  const double step = (hertz_to_mel(high) - first) / static_cast<double>(filters + 2);
  std::vector<int64_t> bins;
  for (int64_t i = 0; i < filters + 2; ++i) {
    const double hertz = mel_to_hertz(static_cast<double>(i) * step + first);
    const double bin = std::floor(static_cast<double>(length + 1) * hertz / rate);
    // Nonsense edges give nonsense bins; they stay within the spectrum.
    const bool sane = bin >= 0 && bin <= static_cast<double>(length / 2);
    bins.push_back(sane ? static_cast<int64_t>(bin) : bin < 0 ? 0 : length / 2);
  }
  return bins;
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const int64_t length = positive(context, 1, "dft_length");
  const int64_t rows = outputs[0].shape[0];
  const int64_t filters = outputs[0].shape[1];
  return Numbers::dispatch(outputs[0].dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      T* y = results[0].template as<T>();
      std::fill(y, y + rows * filters, convert<T>(0.0));
      const auto bins =
          corners(filters, length, number(inputs[2]), number(inputs[3]), number(inputs[4]));
      for (int64_t i = 0; i < filters; ++i) {
        const int64_t low = bins[static_cast<size_t>(i)];
        const int64_t centre = bins[static_cast<size_t>(i) + 1];
        const int64_t high = bins[static_cast<size_t>(i) + 2];
        const auto set = [&](int64_t row, int64_t part, int64_t whole) {
          y[row * filters + i] = convert<T>(static_cast<double>(part) / static_cast<double>(whole));
        };
        if (centre == low) set(centre, 1, 1);
        for (int64_t row = low; low < centre && row <= centre; ++row) {
          set(row, row - low, centre - low);
        }
        for (int64_t row = centre; row < high; ++row) set(row, high - row, high - centre);
      }
    };
  });
}

}  // namespace

void register_mel(OperatorRegistry& registry) {
  registry.add({.name = "MelWeightMatrix",
                .min_inputs = 5,
                .max_inputs = 5,
                .attributes = {{"output_datatype", AttributeKind::integer}},
                .types = Indices::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph
