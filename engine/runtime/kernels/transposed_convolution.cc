#include "betimes/runtime/detail/convolution.h"
#include "betimes/runtime/detail/onednn.h"

// fp32 transposed convolution through oneDNN, bias and activation fused.

namespace betimes::runtime {
namespace {

using onednn::Argument;
using onednn::Desc;
using onednn::Tag;
using onednn::Type;
using Primitive = dnnl::deconvolution_forward;

Primitive::primitive_desc describe_primitive(const Candidate& candidate,
                                             const ConvolutionShape& s) {
  const int64_t in = s.in_channels / s.groups;
  const int64_t out = s.out_channels / s.groups;
  const Desc source({s.batch, s.in_channels, s.in_height, s.in_width}, Type::f32, Tag::nhwc);
  const Desc target({s.batch, s.out_channels, s.out_height, s.out_width}, Type::f32, Tag::nhwc);
  const Desc weights =
      s.groups == 1
          ? Desc({out, in, s.kernel_height, s.kernel_width}, Type::f32, Tag::any)
          : Desc({s.groups, out, in, s.kernel_height, s.kernel_width}, Type::f32, Tag::any);
  const Desc bias =
      candidate.context.present(2) ? Desc({s.out_channels}, Type::f32, Tag::x) : Desc();
  dnnl::post_ops ops;
  onednn::append(ops, graph::activation_of(candidate.node()));
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  // What reaches past the output is cut: a negative end padding is output_padding.
  const int64_t bottom = (s.in_height - 1) * s.stride_height +
                         (s.kernel_height - 1) * s.dilation_height + 1 - s.pad_top - s.out_height;
  const int64_t right = (s.in_width - 1) * s.stride_width +
                        (s.kernel_width - 1) * s.dilation_width + 1 - s.pad_left - s.out_width;
  const Primitive::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct, source, weights,
      bias, target, {s.stride_height, s.stride_width},
      {s.dilation_height - 1, s.dilation_width - 1}, {s.pad_top, s.pad_left}, {bottom, right});
  return {description, attributes, onednn::engine()};
}

/// ONNX stores [C_in, C_out / group, ...]: the first two dimensions swapped.
Desc weights_as_given(const ConvolutionShape& s) {
  const int64_t in = s.in_channels / s.groups;
  const int64_t out = s.out_channels / s.groups;
  const int64_t area = s.kernel_height * s.kernel_width;
  if (s.groups == 1) {
    return {{out, in, s.kernel_height, s.kernel_width},
            Type::f32,
            {area, out * area, s.kernel_width, 1}};
  }
  return {{s.groups, out, in, s.kernel_height, s.kernel_width},
          Type::f32,
          {in * out * area, area, out * area, s.kernel_width, 1}};
}

Choice build(const Candidate& candidate, const ConvolutionShape& s,
             const Primitive::primitive_desc& pd) {
  onednn::Assembly assembly(candidate.store);
  std::vector<Argument> arguments = {onednn::read(DNNL_ARG_SRC, pd.src_desc()),
                                     assembly.packed(DNNL_ARG_WEIGHTS, candidate.constant(1)->raw(),
                                                     weights_as_given(s), pd.weights_desc()),
                                     onednn::written(DNNL_ARG_DST, pd.dst_desc())};
  if (candidate.context.present(2)) {
    arguments.push_back(assembly.packed(DNNL_ARG_BIAS, candidate.constant(2)->raw(),
                                        Desc({s.out_channels}, Type::f32, Tag::x)));
  }
  assembly.add(Primitive(pd), std::move(arguments), pd.scratchpad_desc());
  Choice choice;
  choice.reads = {{0, Layout::channels_last}};
  choice.writes = {Layout::channels_last};
  const int64_t each = s.out_channels / s.groups * s.kernel_height * s.kernel_width;
  choice.macs = static_cast<double>(s.batch * s.in_channels * s.in_height * s.in_width) *
                static_cast<double>(each);
  choice.kernel = assembly.finish(pd.impl_info_str());
  return choice;
}

Offer offer(const Candidate& candidate) {
  const auto found = constant_transposed_convolution(candidate);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const ConvolutionShape& shape = std::get<ConvolutionShape>(found);
  try {
    const Primitive::primitive_desc pd = describe_primitive(candidate, shape);
    if (onednn::is_reference(pd.impl_info_str())) {
      return Refusal{"oneDNN has only its reference loops for this shape"};
    }
    return build(candidate, shape, pd);
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

}  // namespace

void register_transposed_convolution(KernelRegistry& registry) {
  for (const char* op : {"ConvTranspose", "betimes.ConvTranspose"}) registry.add(op, 20, offer);
}

}  // namespace betimes::runtime
