#include <algorithm>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/convolution.h"
#include "betimes/runtime/detail/onednn.h"
#include "betimes/runtime/detail/quantized.h"

// uint8 x int8 convolutions and products through oneDNN: bias, residual, activation and the
// quantisation of the result are fused.

namespace betimes::runtime {
namespace {

using namespace quantized;
using onednn::Argument;
using onednn::Desc;
using onednn::Tag;
using onednn::Type;

enum class Residual { none, in_place, beside };

/// The residual may be added into its own memory when the output has the same type and nobody reads
/// it afterwards.
Residual residual_of(const Candidate& candidate) {
  if (!candidate.context.present(residual)) return Residual::none;
  const TensorType& type = candidate.context.type(residual);
  const bool same_memory_layout =
      same_memory(type.shape, candidate.layouts[residual], Layout::channels_last);
  const bool in_place = type.dtype == candidate.outputs[0].dtype && candidate.dies[residual];
  return in_place && same_memory_layout ? Residual::in_place : Residual::beside;
}

dnnl::primitive_attr attributes_of(const Arithmetic& arithmetic, int mask, Residual how,
                                   const Desc& residual_desc) {
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(mask, arithmetic.scales);
  if (arithmetic.q.input_zero != 0) {
    attributes.set_zero_points(DNNL_ARG_SRC, 0, {static_cast<int32_t>(arithmetic.q.input_zero)});
  }
  if (arithmetic.q.writes_u8 && arithmetic.q.output_zero != 0) {
    attributes.set_zero_points(DNNL_ARG_DST, 0, {static_cast<int32_t>(arithmetic.q.output_zero)});
  }
  dnnl::post_ops ops;
  if (how == Residual::in_place) ops.append_sum(1.0f);
  if (how == Residual::beside) ops.append_binary(dnnl::algorithm::binary_add, residual_desc);
  onednn::append(ops, arithmetic.activation, arithmetic.after);
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Desc image(const Shape& shape, Type type) {
  const int64_t height = shape.size() == 4 ? shape[2] : 1;
  return {{shape[0], shape[1], height, shape.back()}, type, Tag::nhwc};
}

Offer convolution(const Candidate& candidate) {
  if (const auto reason = unsuitable(candidate)) return Refusal{*reason};
  const Shape& weight_shape = candidate.context.shape(weights);
  auto shape = convolution_shape(candidate.node(), candidate.context.shape(values),
                                 candidate.outputs[0].shape);
  if (!shape) return Refusal{"oneDNN convolutions here have one or two dimensions"};
  ConvolutionShape& s = *shape;
  s.kernel_width = weight_shape.back();
  s.kernel_height = weight_shape.size() == 4 ? weight_shape[2] : 1;
  const Residual how = residual_of(candidate);
  const Arithmetic arithmetic = arithmetic_of(candidate, s.out_channels);
  if (arithmetic.after == 0) return Refusal{"this activation of a residual sum needs fp32"};
  const Type out_type = onednn::type_of(candidate.outputs[0].dtype);
  const Desc target = image(candidate.outputs[0].shape, out_type);
  const Desc beside = how == Residual::none
                          ? Desc()
                          : image(candidate.outputs[0].shape,
                                  onednn::type_of(candidate.context.type(residual).dtype));
  const int64_t in = s.in_channels / s.groups;
  const int64_t out = s.out_channels / s.groups;
  const dnnl::memory::dims extents =
      s.groups == 1 ? dnnl::memory::dims{out, in, s.kernel_height, s.kernel_width}
                    : dnnl::memory::dims{s.groups, out, in, s.kernel_height, s.kernel_width};
  const Desc bias({s.out_channels}, Type::f32, Tag::x);
  try {
    const dnnl::convolution_forward::desc description(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        image(candidate.context.shape(values), Type::u8), Desc(extents, Type::s8, Tag::any), bias,
        target, {s.stride_height, s.stride_width}, {s.dilation_height - 1, s.dilation_width - 1},
        {s.pad_top, s.pad_left}, {s.pad_bottom, s.pad_right});
    const dnnl::convolution_forward::primitive_desc pd(
        description, attributes_of(arithmetic, 2, how, beside), onednn::engine());
    if (onednn::is_reference(pd.impl_info_str())) {
      return Refusal{"oneDNN has only its reference loops for this shape in int8"};
    }
    const Desc given(extents, Type::s8, s.groups == 1 ? Tag::oihw : Tag::goihw);
    onednn::Assembly assembly(candidate.store);
    std::vector<Argument> arguments = {
        onednn::read(DNNL_ARG_SRC, pd.src_desc()),
        assembly.packed(DNNL_ARG_WEIGHTS, candidate.constant(weights)->raw(), given,
                        pd.weights_desc()),
        assembly.packed(DNNL_ARG_BIAS, arithmetic.bias.data(), bias),
        onednn::written(DNNL_ARG_DST, pd.dst_desc())};
    Choice choice;
    choice.reads = {{values, Layout::channels_last}};
    choice.writes = {Layout::channels_last};
    choice.precision = "int8";
    choice.macs = s.macs();
    if (how != Residual::none) choice.reads.push_back({residual, Layout::channels_last});
    if (how == Residual::in_place) {
      choice.overwrites = 1;
      choice.must_overwrite = true;
    } else if (how == Residual::beside) {
      arguments.push_back(
          onednn::read(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, beside, 1));
    }
    assembly.add(dnnl::convolution_forward(pd), std::move(arguments), pd.scratchpad_desc());
    choice.kernel = assembly.finish(pd.impl_info_str());
    return choice;
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN int8: ") + error.what()};
  }
}

Offer product(const Candidate& candidate) {
  if (const auto reason = unsuitable(candidate)) return Refusal{*reason};
  const auto shape = product_of(candidate);
  if (!shape) return Refusal{"not a product of rows with one matrix"};
  const auto [rows, inner, columns] = *shape;
  if (rows == 0 || columns == 0) return Refusal{"the input is empty"};
  const Arithmetic arithmetic = arithmetic_of(candidate, columns);
  const Desc source({rows, inner}, Type::u8, Tag::ab);
  const Desc target({rows, columns}, onednn::type_of(candidate.outputs[0].dtype), Tag::ab);
  const Desc bias({1, columns}, Type::f32, Tag::ab);
  try {
    const dnnl::matmul::primitive_desc pd(
        dnnl::matmul::desc(source, Desc({inner, columns}, Type::s8, Tag::any), bias, target),
        attributes_of(arithmetic, 2, Residual::none, Desc()), onednn::engine());
    const Desc given({inner, columns}, Type::s8, Tag::ab);
    Choice choice;
    choice.reads = {{values, Layout::plain}};
    choice.precision = "int8";
    choice.macs = static_cast<double>(rows * inner) * static_cast<double>(columns);
    onednn::Assembly assembly(candidate.store);
    assembly.add(dnnl::matmul(pd),
                 {onednn::read(DNNL_ARG_SRC, source),
                  assembly.packed(DNNL_ARG_WEIGHTS, candidate.constant(weights)->raw(), given,
                                  pd.weights_desc()),
                  assembly.packed(DNNL_ARG_BIAS, arithmetic.bias.data(), bias),
                  onednn::written(DNNL_ARG_DST, target)},
                 pd.scratchpad_desc());
    choice.kernel = assembly.finish(pd.impl_info_str());
    return choice;
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN int8: ") + error.what()};
  }
}

}  // namespace

void register_quantized_convolution(KernelRegistry& registry) {
  registry.add("betimes.QuantizedConv", 10, convolution);
  registry.add("betimes.QuantizedMatMul", 10, product);
}

}  // namespace betimes::runtime
