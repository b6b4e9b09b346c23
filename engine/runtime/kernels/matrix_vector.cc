#include <algorithm>

#include "betimes/graph/activation.h"
#include "betimes/runtime/detail/panel_call.h"
#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/detail/product.h"
#include "betimes/runtime/kernels/vector/panels.h"

// Products of few rows with constant weights. They are as fast as the weights arrive, so that a
// packing which is read in one go and a call without preparations beat oneDNN's matmul.

namespace betimes::runtime {
namespace {

/// Vectors in a panel: four, or as few as give each thread a panel of its own.
int64_t panel_vectors(int64_t columns, int64_t width, int threads) {
  const int64_t vectors = (columns + width - 1) / width;
  return std::clamp<int64_t>(vectors / threads, 1, 4);
}

struct PackedProduct {
  PanelProduct product;  // in and out are a session's
  int64_t panels = 0;
  Weights weights, bias;
};

Tensor pack(const Product& p, const Tensor& given, int64_t wide, int64_t panels) {
  Tensor packed(DType::f32, {panels, p.inner, wide});
  const std::span<float> to = packed.mutable_data<float>();
  const std::span<const float> from = given.data<float>();
  for (int64_t column = 0; column < p.columns; ++column) {
    for (int64_t k = 0; k < p.inner; ++k) {
      const int64_t source = p.transposed ? column * p.inner + k : k * p.columns + column;
      to[static_cast<size_t>((column / wide * p.inner + k) * wide + column % wide)] =
          from[static_cast<size_t>(source)];
    }
  }
  return packed;
}

PackedProduct pack(const Candidate& candidate, const Product& p, const PanelLoops& loops,
                   int threads) {
  PackedProduct packed;
  PanelProduct& product = packed.product;
  product.panels.inner = p.inner;
  product.panels.vectors = panel_vectors(p.columns, loops.width, threads);
  const int64_t wide = product.panels.vectors * loops.width;
  packed.panels = (p.columns + wide - 1) / wide;
  packed.weights = candidate.store.share(pack(p, *candidate.constant(1), wide, packed.panels));
  product.panels.weights = packed.weights.floats();
  product.rows = p.rows;
  product.columns = product.out_stride = p.columns;
  product.in_stride = p.inner;
  if (candidate.context.present(2)) {
    Tensor bias(DType::f32, {packed.panels * wide});
    std::ranges::copy(candidate.constant(2)->data<float>(), bias.mutable_data<float>().begin());
    packed.bias = candidate.store.share(std::move(bias));
    product.bias = packed.bias.floats();
  }
  if (candidate.node().domain == "betimes") {
    product.activation = graph::activation_of(candidate.node());
  }
  return packed;
}

class MatrixVectorKernel final : public Kernel {
 public:
  MatrixVectorKernel(PackedProduct packed, const PanelLoops& loops, int threads)
      : packed_(std::move(packed)), loops_(loops), threads_(threads) {}
  std::string name() const override { return std::string("panels ") + loops_.level; }
  std::vector<Weights> weights() const override { return {packed_.weights, packed_.bias}; }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    PanelProduct product = packed_.product;
    product.in = static_cast<const float*>(buffers.inputs[0]);
    product.out = static_cast<float*>(buffers.outputs[0]);
    return std::make_unique<PanelCall<PanelProduct, PanelLoops>>(product, packed_.panels, loops_,
                                                                 threads_);
  }

 private:
  PackedProduct packed_;
  const PanelLoops& loops_;
  int threads_;
};

/// Where these loops were measured to be the faster ones: for as many rows as share a load of the
/// weights, and where there is so little to do that oneDNN's preparations take longer. Columns that
/// fill up a vector are work like the others.
bool suits(const Product& p, const PanelLoops& loops) {
  constexpr int64_t most_rows = 16;
  if (p.rows < 1) return false;
  const double columns = static_cast<double>((p.columns + loops.width - 1) / loops.width);
  const double vectors = static_cast<double>(p.rows) * static_cast<double>(p.inner) * columns;
  if (p.rows <= most_rows && vectors < 2048) return true;
  return p.rows <= loops.rows && p.columns >= loops.width / 2;
}

Offer matrix_vector(const Candidate& candidate) {
  if (!candidate.constant(1) || candidate.outputs[0].dtype != DType::f32) return Refusal{};
  const auto p = product_of(candidate);
  const PanelLoops& loops = panel_loops();
  // oneDNN's factory comes next, and says why where it refuses, too.
  if (!p || !bias_fits(candidate, *p) || !suits(*p, loops)) return Refusal{};
  const int threads = product_threads(candidate.threads, p->rows * p->inner * p->columns);
  Choice choice;
  choice.reads = {{0, Layout::plain}};
  choice.macs = static_cast<double>(p->rows * p->inner) * static_cast<double>(p->columns);
  choice.kernel =
      std::make_unique<MatrixVectorKernel>(pack(candidate, *p, loops, threads), loops, threads);
  return choice;
}

}  // namespace

void register_matrix_vector(KernelRegistry& registry) {
  for (const char* op : {"Gemm", "MatMul", "betimes.MatMul"}) registry.add(op, 15, matrix_vector);
}

}  // namespace betimes::runtime
