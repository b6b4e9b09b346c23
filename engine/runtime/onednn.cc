#include "betimes/runtime/detail/onednn.h"

#include <stdexcept>

namespace betimes::runtime::onednn {
namespace {

void* address(const Argument& argument, const Buffers& buffers,
              const std::vector<Weights>& packed) {
  switch (argument.from) {
    case Argument::From::read:
      return buffers.inputs[argument.index];
    case Argument::From::write:
      return buffers.outputs[argument.index];
    case Argument::From::packed:
      // oneDNN only reads weights.
      return const_cast<std::byte*>(packed[argument.index].data.get());
    case Argument::From::scratch:
      break;
  }
  return static_cast<std::byte*>(buffers.scratch) + argument.index;
}

/// Argument lists are built once; a run is one C call a primitive.
class OneDnnCall final : public Call {
 public:
  OneDnnCall(const std::vector<Stage>& stages, const std::vector<Weights>& packed,
             const Buffers& buffers)
      : stream_(engine()) {
    for (const Stage& stage : stages) {
      Prepared prepared{stage.primitive.get(), {}};
      for (const Argument& argument : stage.arguments) {
        memories_.emplace_back(argument.desc, engine(), address(argument, buffers, packed));
        prepared.arguments.push_back({argument.arg, memories_.back().get()});
      }
      prepared_.push_back(std::move(prepared));
    }
  }
  void run() override {
    for (const Prepared& step : prepared_) {
      const int count = static_cast<int>(step.arguments.size());
      if (dnnl_primitive_execute(step.primitive, stream_.get(), count, step.arguments.data()) !=
          dnnl_success) {
        throw std::runtime_error("oneDNN refused to run a primitive that it had created");
      }
    }
  }

 private:
  struct Prepared {
    const_dnnl_primitive_t primitive;
    std::vector<dnnl_exec_arg_t> arguments;
  };
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;
  std::vector<Prepared> prepared_;
};

class OneDnnKernel final : public Kernel {
 public:
  OneDnnKernel(std::string name, std::vector<Stage> stages, std::vector<Weights> packed,
               size_t scratch)
      : name_(std::move(name)),
        stages_(std::move(stages)),
        packed_(std::move(packed)),
        scratch_(scratch) {}
  std::string name() const override { return name_; }
  size_t scratch_bytes() const override { return scratch_; }
  std::vector<Weights> weights() const override { return packed_; }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    return std::make_unique<OneDnnCall>(stages_, packed_, buffers);
  }

 private:
  std::string name_;
  std::vector<Stage> stages_;
  std::vector<Weights> packed_;
  size_t scratch_;
};

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

Type type_of(DType type) {
  switch (type) {
    case DType::f32:
      return Type::f32;
    case DType::bf16:
      return Type::bf16;
    case DType::i8:
      return Type::s8;
    case DType::u8:
      return Type::u8;
    case DType::i32:
      return Type::s32;
    default:
      return Type::undef;
  }
}

Argument Assembly::packed(int arg, const void* data, const Desc& given, const Desc& wanted) {
  if (store_ == nullptr) throw std::logic_error("weights are packed without a store");
  packed_.push_back(pack(*store_, data, given, wanted));
  return {arg, wanted, Argument::From::packed, packed_.size() - 1};
}

Argument Assembly::scratch(int arg, const Desc& desc) {
  const Argument argument{arg, desc, Argument::From::scratch, scratch_};
  scratch_ += rounded(desc.get_size());
  return argument;
}

Argument Assembly::converted(int arg, const Desc& given, const Desc& wanted) {
  if (given == wanted) return read(arg, given);
  const dnnl::reorder::primitive_desc conversion(engine(), given, engine(), wanted);
  const Argument result = scratch(arg, wanted);
  Argument target = result;
  target.arg = DNNL_ARG_TO;
  add(dnnl::reorder(conversion), {read(DNNL_ARG_FROM, given), target},
      conversion.scratchpad_desc());
  return result;
}

void Assembly::add(dnnl::primitive primitive, std::vector<Argument> arguments,
                   const Desc& scratchpad) {
  if (scratchpad.get_size() > 0) arguments.push_back(scratch(DNNL_ARG_SCRATCHPAD, scratchpad));
  stages_.push_back({std::move(primitive), std::move(arguments)});
}

std::unique_ptr<Kernel> Assembly::finish(const char* implementation) {
  return std::make_unique<OneDnnKernel>(std::string("onednn ") + implementation, std::move(stages_),
                                        std::move(packed_), scratch_);
}

Weights pack(WeightStore& store, const void* data, const Desc& from, const Desc& to) {
  // oneDNN only reads through the handle of a reorder's source.
  const dnnl::memory source(from, engine(), const_cast<void*>(data));
  // Zero where the layout has padding, so that equal weights are equal bytes.
  Tensor packed(DType::u8, {static_cast<int64_t>(to.get_size())});
  dnnl::memory target(to, engine(), packed.mutable_raw());
  dnnl::stream stream(engine());
  dnnl::reorder(source, target).execute(stream, const_cast<dnnl::memory&>(source), target);
  stream.wait();
  return store.share(std::move(packed));
}

dnnl::memory memory_of(const Weights& weights, const Desc& desc) {
  return {desc, engine(), const_cast<std::byte*>(weights.data.get())};
}

bool append(dnnl::post_ops& ops, const graph::Activation& activation, float scale) {
  using Kind = graph::Activation::Kind;
  using Algorithm = dnnl::algorithm;
  const float alpha = activation.alpha;
  const float beta = activation.beta;
  switch (activation.kind) {
    case Kind::none:
      if (scale != 1.0f) ops.append_eltwise(1.0f, Algorithm::eltwise_linear, scale, 0.0f);
      return true;
    case Kind::relu:
      ops.append_eltwise(scale, Algorithm::eltwise_relu, 0.0f, 0.0f);
      return true;
    case Kind::leaky_relu:
      ops.append_eltwise(scale, Algorithm::eltwise_relu, alpha, 0.0f);
      return true;
    case Kind::clip:
      ops.append_eltwise(scale, Algorithm::eltwise_clip, alpha, beta);
      return true;
    case Kind::sigmoid:
      ops.append_eltwise(scale, Algorithm::eltwise_logistic, 0.0f, 0.0f);
      return true;
    case Kind::hard_sigmoid:
      ops.append_eltwise(1.0f, Algorithm::eltwise_linear, alpha, beta);
      ops.append_eltwise(scale, Algorithm::eltwise_clip, 0.0f, 1.0f);
      return true;
    case Kind::hard_swish:
      ops.append_eltwise(scale, Algorithm::eltwise_hardswish, 0.0f, 0.0f);
      return true;
    case Kind::swish:
      ops.append_eltwise(scale, Algorithm::eltwise_swish, 1.0f, 0.0f);
      return true;
    case Kind::tanh:
      ops.append_eltwise(scale, Algorithm::eltwise_tanh, 0.0f, 0.0f);
      return true;
    case Kind::elu:
      ops.append_eltwise(scale, Algorithm::eltwise_elu, alpha, 0.0f);
      return true;
    case Kind::gelu:
      ops.append_eltwise(scale, Algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
      return true;
    case Kind::gelu_tanh:
      ops.append_eltwise(scale, Algorithm::eltwise_gelu_tanh, 0.0f, 0.0f);
      return true;
    case Kind::exponential:
      ops.append_eltwise(scale, Algorithm::eltwise_exp, 0.0f, 0.0f);
      return true;
    case Kind::square_root:
      ops.append_eltwise(scale, Algorithm::eltwise_sqrt, 0.0f, 0.0f);
      return true;
    case Kind::absolute:
      ops.append_eltwise(scale, Algorithm::eltwise_abs, 0.0f, 0.0f);
      return true;
    case Kind::negative:
      ops.append_eltwise(scale, Algorithm::eltwise_linear, -1.0f, 0.0f);
      return true;
    case Kind::reciprocal:
      ops.append_eltwise(scale, Algorithm::eltwise_pow, 1.0f, -1.0f);
      return true;
  }
  return false;
}

bool is_reference(const std::string& implementation) {
  return implementation.find("ref") != std::string::npos;
}

}  // namespace betimes::runtime::onednn
