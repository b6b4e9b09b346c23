#include <algorithm>
#include <cstring>

#include "betimes/base/threads.h"
#include "betimes/runtime/detail/convolution.h"
#include "betimes/runtime/detail/onednn.h"
#include "betimes/runtime/detail/parallel.h"

// Transposed convolutions whose windows neither overlap nor leave gaps (stride = kernel, no
// padding): what segmentation networks and autoencoders use to double an image. Every input pixel
// makes a tile of the output of its own, so the whole is one matrix product
//   [pixels, C_in] x [C_in, kernel_height * kernel_width * C_out]
// whose result is dealt out to the rows of the image. oneDNN's deconvolution runs such shapes
// through its general backward convolution, several times slower.

namespace betimes::runtime {
namespace {

using onednn::Desc;
using onednn::Tag;
using onednn::Type;

struct Upsampling {
  int64_t lines = 0;   // batch * in_height
  int64_t width = 0;   // of the input
  int64_t inner = 0;   // C_in
  int64_t height = 0;  // of a tile
  int64_t chunk = 0;   // one row of a tile: kernel_width * C_out
  int64_t block = 1;   // lines computed at a time, so that the product stays in the nearest caches

  int64_t columns() const { return height * chunk; }
  int64_t blocks() const { return lines / block; }
};

constexpr int64_t block_bytes = int64_t{128} << 10;

/// The largest divisor of `lines` whose block of the product stays within block_bytes.
int64_t lines_at_once(const Upsampling& u) {
  const int64_t line = u.width * u.columns() * static_cast<int64_t>(sizeof(float));
  int64_t best = 1;
  for (int64_t lines = 1; lines <= u.lines && lines * line <= block_bytes; ++lines) {
    if (u.lines % lines == 0) best = lines;
  }
  return best;
}

/// Deals one block of the product out: pixel x of line y gives row dy of its tile to line
/// y * height + dy of the output. `fixed` is the chunk where it is known while compiling.
template <int64_t fixed>
void deal(const Upsampling& u, const float* product, float* out) {
  const int64_t chunk = fixed > 0 ? fixed : u.chunk;
  for (int64_t y = 0; y < u.block; ++y) {
    for (int64_t dy = 0; dy < u.height; ++dy) {
      const float* from = product + y * u.width * u.columns() + dy * chunk;
      for (int64_t x = 0; x < u.width; ++x, from += u.columns(), out += chunk) {
        std::memcpy(out, from, static_cast<size_t>(chunk) * sizeof(float));
      }
    }
  }
}

using Deal = void (*)(const Upsampling&, const float*, float*);
Deal deal_for(int64_t chunk) {
  switch (chunk) {
    case 2:
      return deal<2>;
    case 4:
      return deal<4>;
    case 8:
      return deal<8>;
    case 16:
      return deal<16>;
    case 32:
      return deal<32>;
    default:
      return deal<0>;
  }
}

/// [C_in, C_out, kernel_height, kernel_width] as [C_in, kernel_height, kernel_width, C_out].
std::vector<float> columns_by_tile(const float* weights, const ConvolutionShape& s) {
  const int64_t area = s.kernel_height * s.kernel_width;
  std::vector<float> result;
  result.reserve(static_cast<size_t>(s.in_channels * s.out_channels * area));
  for (int64_t in = 0; in < s.in_channels; ++in) {
    for (int64_t tap = 0; tap < area; ++tap) {
      for (int64_t out = 0; out < s.out_channels; ++out) {
        result.push_back(weights[(in * s.out_channels + out) * area + tap]);
      }
    }
  }
  return result;
}

struct Prepared {
  Upsampling u;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul product;
  std::vector<Weights> packed;  // weights and, where there is one, the bias
};

/// What one thread computes with.
struct Lane {
  dnnl::stream stream;
  dnnl::memory source, target;
  std::vector<dnnl::memory> others;
  std::vector<dnnl_exec_arg_t> arguments;
};

class UpsamplingCall final : public Call {
 public:
  UpsamplingCall(const Prepared& prepared, int threads, size_t lane_bytes, const Buffers& buffers)
      : u_(prepared.u),
        deal_(deal_for(prepared.u.chunk)),
        product_(prepared.product.get()),
        in_(static_cast<float*>(buffers.inputs[0])),
        out_(static_cast<float*>(buffers.outputs[0])) {
    for (int t = 0; t < threads; ++t) {
      lanes_.push_back(make_lane(prepared, static_cast<std::byte*>(buffers.scratch) +
                                               static_cast<size_t>(t) * lane_bytes));
    }
  }

  void run() override {
    const auto lanes = static_cast<int64_t>(lanes_.size());
    parallel(static_cast<int>(lanes), lanes, [&](int64_t first, int64_t last) {
      for (int64_t lane = first; lane < last; ++lane) {
        run_blocks(lanes_[static_cast<size_t>(lane)], u_.blocks() * lane / lanes,
                   u_.blocks() * (lane + 1) / lanes);
      }
    });
  }

 private:
  static Lane make_lane(const Prepared& prepared, std::byte* scratch) {
    const dnnl::matmul::primitive_desc& pd = prepared.description;
    const dnnl::engine& engine = onednn::engine();
    Lane lane{dnnl::stream(engine),
              dnnl::memory(pd.src_desc(), engine, nullptr),
              dnnl::memory(pd.dst_desc(), engine, scratch),
              {},
              {}};
    lane.arguments = {{DNNL_ARG_SRC, lane.source.get()}, {DNNL_ARG_DST, lane.target.get()}};
    const auto add = [&](int argument, dnnl::memory memory) {
      lane.others.push_back(std::move(memory));
      lane.arguments.push_back({argument, lane.others.back().get()});
    };
    add(DNNL_ARG_WEIGHTS, onednn::memory_of(prepared.packed[0], pd.weights_desc()));
    if (prepared.packed.size() > 1) {
      add(DNNL_ARG_BIAS, onednn::memory_of(prepared.packed[1], pd.bias_desc()));
    }
    if (pd.scratchpad_desc().get_size() > 0) {
      add(DNNL_ARG_SCRATCHPAD, dnnl::memory(pd.scratchpad_desc(), engine,
                                            scratch + onednn::rounded(pd.dst_desc().get_size())));
    }
    return lane;
  }

  void run_blocks(Lane& lane, int64_t block, int64_t end) const {
    const auto* product = static_cast<const float*>(lane.target.get_data_handle());
    const int count = static_cast<int>(lane.arguments.size());
    for (; block < end; ++block) {
      const int64_t pixels = block * u_.block * u_.width;
      lane.source.set_data_handle(in_ + pixels * u_.inner);
      if (dnnl_primitive_execute(product_, lane.stream.get(), count, lane.arguments.data()) !=
          dnnl_success) {
        throw std::runtime_error("oneDNN refused to run a primitive that it had created");
      }
      deal_(u_, product, out_ + pixels * u_.columns());
    }
  }

  Upsampling u_;
  Deal deal_;
  const_dnnl_primitive_t product_;
  float* in_;
  float* out_;
  std::vector<Lane> lanes_;
};

class UpsamplingKernel final : public Kernel {
 public:
  UpsamplingKernel(Prepared prepared, int threads)
      : prepared_(std::move(prepared)),
        threads_(threads),
        lane_bytes_(onednn::rounded(prepared_.description.dst_desc().get_size()) +
                    onednn::rounded(prepared_.description.scratchpad_desc().get_size())) {}
  std::string name() const override {
    return std::string("tiles over onednn ") + prepared_.description.impl_info_str();
  }
  size_t scratch_bytes() const override { return lane_bytes_ * static_cast<size_t>(threads_); }
  std::vector<Weights> weights() const override { return prepared_.packed; }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    return std::make_unique<UpsamplingCall>(prepared_, threads_, lane_bytes_, buffers);
  }

 private:
  Prepared prepared_;
  int threads_;
  size_t lane_bytes_;
};

Prepared prepare(const Candidate& candidate, const ConvolutionShape& s) {
  Upsampling u{s.batch * s.in_height, s.in_width, s.in_channels, s.kernel_height,
               s.kernel_width * s.out_channels};
  u.block = lines_at_once(u);
  const Desc source({u.block * u.width, u.inner}, Type::f32, Tag::ab);
  const Desc target({u.block * u.width, u.columns()}, Type::f32, Tag::ab);
  const Desc weights({u.inner, u.columns()}, Type::f32, Tag::any);
  const bool biased = candidate.context.present(2);
  const Desc bias = biased ? Desc({1, u.columns()}, Type::f32, Tag::ab) : Desc();
  dnnl::post_ops ops;
  onednn::append(ops, graph::activation_of(candidate.node()));
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const TeamSize alone(1);  // each thread runs the product on its own lines
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(source, weights, bias, target),
                                        attributes, onednn::engine());
  const Desc given({u.inner, u.columns()}, Type::f32, Tag::ab);
  std::vector<Weights> packed = {onednn::pack(
      candidate.store, columns_by_tile(candidate.constant(1)->data<float>().data(), s).data(),
      given, pd.weights_desc())};
  if (biased) {
    const auto once = candidate.constant(2)->data<float>();
    std::vector<float> repeated;
    for (int64_t tap = 0; tap < s.kernel_height * s.kernel_width; ++tap) {
      repeated.insert(repeated.end(), once.begin(), once.end());
    }
    packed.push_back(onednn::pack(candidate.store, repeated.data(), bias, bias));
  }
  return {u, pd, dnnl::matmul(pd), std::move(packed)};
}

/// Every input pixel has a tile of its own: only then is the output the tiles side by side.
bool is_tiling(const ConvolutionShape& s) {
  return s.groups == 1 && s.kernel_height == s.stride_height && s.kernel_width == s.stride_width &&
         s.dilation_height == 1 && s.dilation_width == 1 &&
         s.out_height == s.in_height * s.kernel_height &&
         s.out_width == s.in_width * s.kernel_width && s.pad_top == 0 && s.pad_left == 0;
}

Offer offer(const Candidate& candidate) {
  const auto shape = constant_transposed_convolution(candidate);
  if (const auto* refusal = std::get_if<Refusal>(&shape)) return *refusal;
  const ConvolutionShape& s = std::get<ConvolutionShape>(shape);
  if (!is_tiling(s)) return Refusal{};
  if (element_count(candidate.outputs[0].shape) == 0 || s.in_channels == 0) {
    return Refusal{"the image is empty"};
  }
  try {
    Prepared prepared = prepare(candidate, s);
    if (onednn::is_reference(prepared.description.impl_info_str())) return Refusal{};
    const int64_t macs = prepared.u.lines * s.in_width * s.in_channels * prepared.u.columns();
    const auto threads = static_cast<int>(
        std::min<int64_t>(useful_threads(candidate.threads, macs), prepared.u.blocks()));
    Choice choice;
    choice.reads = {{0, Layout::channels_last}};
    choice.writes = {Layout::channels_last};
    choice.macs = static_cast<double>(macs);
    choice.kernel = std::make_unique<UpsamplingKernel>(std::move(prepared), threads);
    return choice;
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
}

}  // namespace

void register_upsampling_convolution(KernelRegistry& registry) {
  for (const char* op : {"ConvTranspose", "betimes.ConvTranspose"}) registry.add(op, 10, offer);
}

}  // namespace betimes::runtime
