#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/onednn.h"
#include "betimes/runtime/detail/product.h"

// Matrix products with constant weights through oneDNN, packed, bias and activation fused.

namespace betimes::runtime {
namespace {

using onednn::Argument;
using onednn::Desc;
using onednn::Tag;
using onednn::Type;

Desc matrix(int64_t rows, int64_t columns, Type type) { return {{rows, columns}, type, Tag::ab}; }

dnnl::matmul::primitive_desc describe_primitive(const Candidate& candidate, const Product& p,
                                                bool bf16) {
  const Type compute = bf16 ? Type::bf16 : Type::f32;
  dnnl::post_ops ops;
  if (candidate.node().domain == "betimes") {
    onednn::append(ops, graph::activation_of(candidate.node()));
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Desc weights({p.inner, p.columns}, compute, Tag::any);
  const Desc bias = candidate.context.present(2) ? matrix(1, p.columns, Type::f32) : Desc();
  const dnnl::matmul::desc description(matrix(p.rows, p.inner, compute), weights, bias,
                                       matrix(p.rows, p.columns, Type::f32));
  return {description, attributes, onednn::engine()};
}

Choice build(const Candidate& candidate, const Product& p, bool bf16,
             const dnnl::matmul::primitive_desc& pd) {
  const Desc given({p.inner, p.columns}, Type::f32, p.transposed ? Tag::ba : Tag::ab);
  onednn::Assembly assembly(candidate.store);
  std::vector<Argument> arguments = {
      assembly.converted(DNNL_ARG_SRC, matrix(p.rows, p.inner, Type::f32), pd.src_desc()),
      assembly.packed(DNNL_ARG_WEIGHTS, candidate.constant(1)->raw(), given, pd.weights_desc()),
      onednn::written(DNNL_ARG_DST, pd.dst_desc())};
  if (candidate.context.present(2)) {
    arguments.push_back(assembly.packed(DNNL_ARG_BIAS, candidate.constant(2)->raw(),
                                        matrix(1, p.columns, Type::f32)));
  }
  assembly.add(dnnl::matmul(pd), std::move(arguments), pd.scratchpad_desc());
  Choice choice;
  choice.reads = {{0, Layout::plain}};
  choice.precision = bf16 ? "bf16" : "fp32";
  choice.macs = static_cast<double>(p.rows * p.inner) * static_cast<double>(p.columns);
  choice.kernel = assembly.finish(pd.impl_info_str());
  return choice;
}

Offer offer(const Candidate& candidate, bool bf16) {
  if (!candidate.constant(1) || candidate.outputs[0].dtype != DType::f32) {
    return Refusal{"weights are computed while running, or not fp32"};
  }
  const auto product = product_of(candidate);
  if (!product || !bias_fits(candidate, *product)) {
    return Refusal{"not a product of rows with one matrix and one bias for each column"};
  }
  if (product->rows == 0) return Refusal{"the input is empty"};
  try {
    return build(candidate, *product, bf16, describe_primitive(candidate, *product, bf16));
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

Offer bf16_product(const Candidate& candidate) {
  if (!candidate.bf16) return Refusal{};
  if (active_isa() < Isa::avx512_bf16) {
    return Refusal{"bf16 needs avx512_bf16, the level here is " + std::string(name(active_isa()))};
  }
  return offer(candidate, true);
}
Offer fp32_product(const Candidate& candidate) { return offer(candidate, false); }

/// Products of two computed matrices (attention), batches broadcast as oneDNN does it; with bias
/// and activation where the second is one matrix for all.
Offer computed_product(const Candidate& candidate) {
  Shape a = candidate.context.shape(0);
  Shape b = candidate.context.shape(1);
  Shape out = candidate.outputs[0].shape;
  if (b.size() == 2 && a.size() > 2 && a.back() > 0) {
    a = {element_count(a) / a.back(), a.back()};
    out = {a[0], b[1]};
  }
  const bool suits = candidate.outputs[0].dtype == DType::f32 && a.size() == b.size() &&
                     a.size() >= 2 && element_count(out) > 0 && element_count(a) > 0;
  if (!suits) return Refusal{"not fp32 of equal ranks"};
  const bool fused = candidate.node().domain == "betimes";
  const Tensor* bias = fused ? candidate.constant(2) : nullptr;
  if (fused && candidate.context.present(2) && (!bias || bias->shape() != Shape{out.back()})) {
    return Refusal{"the bias isn't one constant for each column"};
  }
  const auto dense = [](const Shape& shape) {
    Shape strides(shape.size(), 1);
    for (size_t i = shape.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * shape[i + 1];
    return Desc(shape, Type::f32, strides);
  };
  Shape bias_shape(out.size(), 1);
  bias_shape.back() = out.back();
  try {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops ops;
    if (fused) onednn::append(ops, graph::activation_of(candidate.node()));
    attributes.set_post_ops(ops);
    const dnnl::matmul::primitive_desc pd(
        dnnl::matmul::desc(dense(a), dense(b), bias ? dense(bias_shape) : Desc(), dense(out)),
        attributes, onednn::engine());
    Choice choice;
    choice.reads = {{0, Layout::plain}, {1, Layout::plain}};
    choice.macs = static_cast<double>(element_count(out)) * static_cast<double>(a.back());
    onednn::Assembly assembly(candidate.store);
    std::vector<Argument> arguments = {onednn::read(DNNL_ARG_SRC, pd.src_desc(), 0),
                                       onednn::read(DNNL_ARG_WEIGHTS, pd.weights_desc(), 1),
                                       onednn::written(DNNL_ARG_DST, pd.dst_desc())};
    if (bias) arguments.push_back(assembly.packed(DNNL_ARG_BIAS, bias->raw(), dense(bias_shape)));
    assembly.add(dnnl::matmul(pd), std::move(arguments), pd.scratchpad_desc());
    choice.kernel = assembly.finish(pd.impl_info_str());
    return choice;
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

}  // namespace

void register_matmul(KernelRegistry& registry) {
  for (const char* op : {"Gemm", "MatMul", "betimes.MatMul"}) {
    registry.add(op, 10, bf16_product);
    registry.add(op, 20, fp32_product);
  }
  for (const char* op : {"MatMul", "betimes.MatMul"}) registry.add(op, 30, computed_product);
}

}  // namespace betimes::runtime
