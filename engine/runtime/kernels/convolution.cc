#include "betimes/runtime/detail/convolution.h"

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/onednn.h"

// fp32 and bf16 convolution through oneDNN, bias, residual and activation fused.

namespace betimes::runtime {
namespace {

using onednn::Argument;
using onednn::Desc;
using onednn::Tag;
using onednn::Type;
using Primitive = dnnl::convolution_forward;

/// How the residual is added: into the output's own memory, or read beside it.
enum class Residual { none, in_place, beside };

struct Plain {
  ConvolutionShape shape;
  Layout layout = Layout::channels_last;
  bool bf16 = false;
  Residual residual = Residual::none;
};

Desc image(int64_t n, int64_t c, int64_t h, int64_t w, Type type, Layout layout) {
  return {{n, c, h, w}, type, layout == Layout::plain ? Tag::nchw : Tag::nhwc};
}

Primitive::primitive_desc describe_primitive(const Candidate& candidate, const Plain& plan) {
  const ConvolutionShape& s = plan.shape;
  const Type compute = plan.bf16 ? Type::bf16 : Type::f32;
  const Desc source = image(s.batch, s.in_channels, s.in_height, s.in_width, compute, plan.layout);
  const Desc target =
      image(s.batch, s.out_channels, s.out_height, s.out_width, Type::f32, plan.layout);
  const int64_t in = s.in_channels / s.groups;
  const int64_t out = s.out_channels / s.groups;
  const Desc weights =
      s.groups == 1 ? Desc({out, in, s.kernel_height, s.kernel_width}, compute, Tag::any)
                    : Desc({s.groups, out, in, s.kernel_height, s.kernel_width}, compute, Tag::any);
  const Desc bias =
      candidate.context.present(2) ? Desc({s.out_channels}, Type::f32, Tag::x) : Desc();
  dnnl::post_ops ops;
  if (plan.residual == Residual::in_place) ops.append_sum(1.0f);
  if (plan.residual == Residual::beside) ops.append_binary(dnnl::algorithm::binary_add, target);
  onednn::append(ops, graph::activation_of(candidate.node()));
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const Primitive::desc description(dnnl::prop_kind::forward_inference,
                                    dnnl::algorithm::convolution_direct, source, weights, bias,
                                    target, {s.stride_height, s.stride_width},
                                    {s.dilation_height - 1, s.dilation_width - 1},
                                    {s.pad_top, s.pad_left}, {s.pad_bottom, s.pad_right});
  return {description, attributes, onednn::engine()};
}

Desc weights_as_given(const ConvolutionShape& s) {
  const int64_t in = s.in_channels / s.groups;
  if (s.groups == 1)
    return {{s.out_channels, in, s.kernel_height, s.kernel_width}, Type::f32, Tag::oihw};
  return {{s.groups, s.out_channels / s.groups, in, s.kernel_height, s.kernel_width},
          Type::f32,
          Tag::goihw};
}

Choice build(const Candidate& candidate, const Plain& plan, const Primitive::primitive_desc& pd) {
  const ConvolutionShape& s = plan.shape;
  Choice choice;
  choice.reads = {{0, plan.layout}};
  choice.writes = {plan.layout};
  choice.precision = plan.bf16 ? "bf16" : "fp32";
  choice.macs = s.macs();
  onednn::Assembly assembly(candidate.store);
  const Desc given = image(s.batch, s.in_channels, s.in_height, s.in_width, Type::f32, plan.layout);
  std::vector<Argument> arguments = {assembly.converted(DNNL_ARG_SRC, given, pd.src_desc()),
                                     assembly.packed(DNNL_ARG_WEIGHTS, candidate.constant(1)->raw(),
                                                     weights_as_given(s), pd.weights_desc()),
                                     onednn::written(DNNL_ARG_DST, pd.dst_desc())};
  if (candidate.context.present(2)) {
    arguments.push_back(assembly.packed(DNNL_ARG_BIAS, candidate.constant(2)->raw(),
                                        Desc({s.out_channels}, Type::f32, Tag::x)));
  }
  if (plan.residual != Residual::none) {
    choice.reads.push_back({3, plan.layout});
    if (plan.residual == Residual::in_place) {
      choice.overwrites = 1;
      choice.must_overwrite = true;
    } else {
      arguments.push_back(
          onednn::read(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, pd.dst_desc(), 1));
    }
  }
  assembly.add(Primitive(pd), std::move(arguments), pd.scratchpad_desc());
  choice.kernel = assembly.finish(pd.impl_info_str());
  return choice;
}

bool is_constant_or_absent(const Candidate& candidate, size_t i) {
  return !candidate.context.present(i) || candidate.constant(i) != nullptr;
}

Residual residual_of(const Candidate& candidate) {
  if (!candidate.context.present(3)) return Residual::none;
  const bool same_layout =
      same_memory(candidate.outputs[0].shape, candidate.layouts[3], Layout::channels_last);
  return candidate.dies[3] && same_layout ? Residual::in_place : Residual::beside;
}

Offer offer(const Candidate& candidate, bool bf16, Layout layout) {
  const auto shape =
      convolution_shape(candidate.node(), candidate.context.shape(0), candidate.outputs[0].shape);
  if (!shape) return Refusal{"oneDNN convolutions here have one or two dimensions"};
  if (candidate.outputs[0].dtype != DType::f32) return Refusal{"not fp32"};
  if (!candidate.constant(1) || !is_constant_or_absent(candidate, 2)) {
    return Refusal{"weights are computed while running"};
  }
  Plain plan{*shape, layout, bf16, residual_of(candidate)};
  // Weights say the kernel's extents even where the attribute is left out.
  const Shape& weights = candidate.context.shape(1);
  plan.shape.kernel_width = weights.back();
  plan.shape.kernel_height = weights.size() == 4 ? weights[2] : 1;
  if (layout == Layout::plain && plan.residual == Residual::in_place) {
    plan.residual = Residual::beside;
  }
  try {
    const Primitive::primitive_desc pd = describe_primitive(candidate, plan);
    if (onednn::is_reference(pd.impl_info_str())) {
      return Refusal{"oneDNN has only its reference loops for this shape"};
    }
    return build(candidate, plan, pd);
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

Offer bf16_convolution(const Candidate& candidate) {
  if (!candidate.bf16) return Refusal{};
  if (active_isa() < Isa::avx512_bf16) {
    return Refusal{"bf16 needs avx512_bf16, the level here is " + std::string(name(active_isa()))};
  }
  return offer(candidate, true, Layout::channels_last);
}
Offer fp32_convolution(const Candidate& candidate) {
  return offer(candidate, false, Layout::channels_last);
}
Offer plain_convolution(const Candidate& candidate) {
  return offer(candidate, false, Layout::plain);
}

}  // namespace

void register_convolution(KernelRegistry& registry) {
  for (const char* op : {"Conv", "betimes.Conv"}) {
    registry.add(op, 10, bf16_convolution);
    registry.add(op, 20, fp32_convolution);
    registry.add(op, 30, plain_convolution);
  }
}

}  // namespace betimes::runtime
