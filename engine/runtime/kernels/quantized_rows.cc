#include <algorithm>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/panel_call.h"
#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/detail/quantized.h"
#include "betimes/runtime/kernels/vector/integer_panels.h"

// Products of few uint8 rows with a constant int8 matrix. Below AVX-512 VNNI oneDNN has its generic
// gemm for them, which with AVX2 and AVX-512 takes 1.7 to 10 times as long for one row (with SSE as
// long at worst).

namespace betimes::runtime {
namespace {

using quantized::Arithmetic;
using quantized::Product;

/// Everything but a session's memory, and who keeps it alive.
struct PackedProduct {
  IntegerPanelProduct product;
  int64_t panels = 0;
  std::vector<Weights> weights;

  template <class T>
  const T* keep(WeightStore& store, const std::vector<T>& numbers) {
    const auto count = static_cast<int64_t>(numbers.size());
    weights.push_back(store.share(Tensor::from<T>({count}, numbers)));
    return reinterpret_cast<const T*>(weights.back().data.get());
  }
};

std::vector<int8_t> pack(const Product& p, std::span<const int8_t> from, int64_t wide,
                         int64_t panels) {
  const int64_t pairs = (p.inner + 1) / 2;
  std::vector<int8_t> to(static_cast<size_t>(panels * pairs * 2 * wide));
  for (int64_t k = 0; k < p.inner; ++k) {
    for (int64_t column = 0; column < p.columns; ++column) {
      const int64_t at = ((column / wide * pairs + k / 2) * wide + column % wide) * 2 + k % 2;
      to[static_cast<size_t>(at)] = from[static_cast<size_t>(k * p.columns + column)];
    }
  }
  return to;
}

PackedProduct pack(const Candidate& candidate, const Product& p, const Arithmetic& arithmetic,
                   const IntegerPanelLoops& loops, int threads) {
  PackedProduct packed;
  IntegerPanelProduct& product = packed.product;
  const int64_t vectors = (p.columns + loops.width - 1) / loops.width;
  product.vectors = std::clamp<int64_t>(vectors / threads, 1, 4);
  const int64_t wide = product.vectors * loops.width;
  packed.panels = (p.columns + wide - 1) / wide;
  product.rows = p.rows;
  product.inner = p.inner;
  product.columns = p.columns;
  const std::span<const int8_t> matrix = candidate.constant(quantized::weights)->data<int8_t>();
  const auto padded = static_cast<size_t>(packed.panels * wide);
  std::vector<int32_t> offsets(padded);
  for (size_t i = 0; i < matrix.size(); ++i) {
    offsets[i % static_cast<size_t>(p.columns)] -=
        static_cast<int32_t>(arithmetic.q.input_zero) * matrix[i];
  }
  std::vector<float> bias = arithmetic.bias;
  std::vector<float> scales = arithmetic.scales;
  bias.resize(padded);
  scales.resize(padded);
  product.weights = packed.keep(candidate.store, pack(p, matrix, wide, packed.panels));
  product.offsets = packed.keep(candidate.store, offsets);
  product.bias = packed.keep(candidate.store, bias);
  product.scales = packed.keep(candidate.store, scales);
  product.activation = arithmetic.activation;
  product.after = arithmetic.after;
  product.zero = static_cast<float>(arithmetic.q.output_zero);
  return packed;
}

class QuantizedRowsKernel final : public Kernel {
 public:
  QuantizedRowsKernel(PackedProduct packed, bool writes_bytes, const IntegerPanelLoops& loops,
                      int threads)
      : packed_(std::move(packed)), writes_bytes_(writes_bytes), loops_(loops), threads_(threads) {}
  std::string name() const override { return std::string("panels ") + loops_.level; }
  std::vector<Weights> weights() const override { return packed_.weights; }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    IntegerPanelProduct product = packed_.product;
    product.in = static_cast<const uint8_t*>(buffers.inputs[0]);
    if (writes_bytes_) {
      product.bytes = static_cast<uint8_t*>(buffers.outputs[0]);
    } else {
      product.out = static_cast<float*>(buffers.outputs[0]);
    }
    return std::make_unique<PanelCall<IntegerPanelProduct, IntegerPanelLoops>>(
        product, packed_.panels, loops_, threads_);
  }

 private:
  PackedProduct packed_;
  bool writes_bytes_;
  const IntegerPanelLoops& loops_;
  int threads_;
};

/// Where these loops were measured to be the faster ones: for as many rows as share a load of the
/// weights where oneDNN has no instruction for such products, and where there is so little to do
/// that its preparations take longer.
bool suits(const Product& p, const IntegerPanelLoops& loops) {
  const bool dot_products = active_isa() >= Isa::avx512_vnni;
  if (p.rows < 1 || p.inner < 1 || p.columns < 1) return false;
  if (p.inner > IntegerPanelProduct::most_inner) return false;
  if (p.rows <= loops.rows && !dot_products) return true;
  constexpr int64_t most_rows = 16;
  const double columns = static_cast<double>((p.columns + loops.width - 1) / loops.width);
  const double vectors = static_cast<double>(p.rows * ((p.inner + 1) / 2)) * columns;
  return p.rows <= most_rows && vectors <= (dot_products ? 512 : 1024);
}

Offer quantized_rows(const Candidate& candidate) {
  // oneDNN's factory comes next, and says why where it refuses, too.
  if (quantized::unsuitable(candidate)) return Refusal{};
  const auto p = quantized::product_of(candidate);
  const IntegerPanelLoops& loops = integer_panel_loops();
  if (!p || !suits(*p, loops)) return Refusal{};
  const Arithmetic arithmetic = quantized::arithmetic_of(candidate, p->columns);
  const int threads = product_threads(candidate.threads, p->rows * p->inner * p->columns);
  Choice choice;
  choice.reads = {{quantized::values, Layout::plain}};
  choice.precision = "int8";
  choice.macs = static_cast<double>(p->rows * p->inner) * static_cast<double>(p->columns);
  choice.kernel = std::make_unique<QuantizedRowsKernel>(
      pack(candidate, *p, arithmetic, loops, threads), arithmetic.q.writes_u8, loops, threads);
  return choice;
}

}  // namespace

void register_quantized_rows(KernelRegistry& registry) {
  registry.add("betimes.QuantizedMatMul", 5, quantized_rows);
}

}  // namespace betimes::runtime
