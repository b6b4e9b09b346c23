#include "betimes/runtime/detail/convolution.h"
#include "betimes/runtime/detail/onednn.h"

// fp32 transposed convolution through oneDNN, bias and activation fused.

namespace betimes::runtime {
namespace {

using onednn::Argument;
using onednn::Desc;
using onednn::Tag;
using onednn::Type;
using From = Argument::From;
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
  std::vector<dnnl::memory> packed = {
      onednn::pack(candidate.constant(1)->raw(), weights_as_given(s), pd.weights_desc())};
  std::vector<Argument> arguments = {{DNNL_ARG_SRC, pd.src_desc(), From::read, 0},
                                     {DNNL_ARG_WEIGHTS, pd.weights_desc(), From::packed, 0},
                                     {DNNL_ARG_DST, pd.dst_desc(), From::write, 0}};
  if (candidate.context.present(2)) {
    const Desc bias({s.out_channels}, Type::f32, Tag::x);
    packed.push_back(onednn::pack(candidate.constant(2)->raw(), bias, bias));
    arguments.push_back({DNNL_ARG_BIAS, bias, From::packed, 1});
  }
  const size_t scratch = pd.scratchpad_desc().get_size();
  if (scratch > 0) {
    arguments.push_back({DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), From::scratch, 0});
  }
  std::vector<onednn::Stage> stages;
  stages.push_back({Primitive(pd), std::move(arguments)});
  Choice choice;
  choice.reads = {{0, Layout::channels_last}};
  choice.writes = {Layout::channels_last};
  choice.macs = static_cast<double>(s.batch * s.in_channels * s.in_height * s.in_width) *
                static_cast<double>(s.out_channels / s.groups * s.kernel_height * s.kernel_width);
  choice.kernel = std::make_unique<onednn::OneDnnKernel>(
      std::string("onednn ") + pd.impl_info_str(), std::move(stages), std::move(packed), scratch);
  return choice;
}

Offer offer(const Candidate& candidate) {
  auto shape =
      convolution_shape(candidate.node(), candidate.context.shape(0), candidate.outputs[0].shape);
  if (!shape || candidate.outputs[0].dtype != DType::f32 || candidate.context.present(3)) {
    return Refusal{"only one or two dimensions in fp32 without a residual"};
  }
  const bool constant_bias = !candidate.context.present(2) || candidate.constant(2);
  if (!candidate.constant(1) || !constant_bias)
    return Refusal{"weights are computed while running"};
  if (candidate.node().get("auto_pad", "NOTSET") != "NOTSET" ||
      candidate.node().has("output_shape")) {
    return Refusal{"padding is left to the operator"};
  }
  const Shape& weights = candidate.context.shape(1);
  shape->kernel_width = weights.back();
  shape->kernel_height = weights.size() == 4 ? weights[2] : 1;
  try {
    const Primitive::primitive_desc pd = describe_primitive(candidate, *shape);
    if (onednn::is_reference(pd.impl_info_str())) {
      return Refusal{"oneDNN has only its reference loops for this shape"};
    }
    return build(candidate, *shape, pd);
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

}  // namespace

void register_transposed_convolution(KernelRegistry& registry) {
  for (const char* op : {"ConvTranspose", "betimes.ConvTranspose"}) registry.add(op, 20, offer);
}

}  // namespace betimes::runtime
