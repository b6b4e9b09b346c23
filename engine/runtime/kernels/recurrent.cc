#include "betimes/graph/detail/recurrent.h"

#include <algorithm>
#include <array>

#include "betimes/runtime/detail/onednn.h"
#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/panels.h"

// LSTM, GRU and RNN with constant weights. The input's share in all gates is one product for all
// steps; a step streams the recurrent weights once, in the order in which they were packed, and
// updates each cell as soon as its gates are known.

namespace betimes::runtime {
namespace {

using graph::detail::Recurrence;
using graph::detail::RecurrentFunction;
using StepLoop = void (*)(const RecurrentStep&, int64_t, int64_t);

enum Input : size_t {
  values,
  weights,
  recurrences,
  biases,
  lengths,
  initial_h,
  initial_c,
  peephole
};

/// Rows of the input (steps x batch) from which oneDNN's product is the faster one.
constexpr int64_t onednn_rows = 16;
/// Multiplications of a step from which several threads share it. They meet once or twice a step.
constexpr int64_t shared_step = int64_t{1} << 18;

/// The extents of a node and the places of its parts in packed memory.
struct Extents {
  Recurrence r;
  int64_t width = 1;    // of a vector
  int64_t panels = 1;   // of one direction
  int64_t padded = 1;   // hidden units in whole panels
  int64_t columns = 1;  // gates of all directions, padded
  int64_t rows = 1;     // steps x batch

  Extents(Recurrence recurrence, int64_t vector_width)
      : r(std::move(recurrence)),
        width(vector_width),
        panels((r.hidden + width - 1) / width),
        padded(panels * width),
        columns(r.directions * r.gates * padded),
        rows(r.steps * r.batch) {}

  bool halves() const { return r.gates == 3 && !r.linear_before_reset; }
  int64_t step_macs() const { return r.batch * r.gates * r.hidden * r.hidden; }
};

Tensor zeros(int64_t count) {
  Tensor tensor(DType::f32, {count});
  std::ranges::fill(tensor.mutable_data<float>(), 0.0f);
  return tensor;
}
float* data(Tensor& tensor) { return tensor.mutable_data<float>().data(); }
const float* data(const Tensor& tensor) { return tensor.data<float>().data(); }

/// Calls put(column, row) for the gates [first, last) of every hidden unit of one direction: where
/// a row of ONNX's weights goes among the columns of panels that hold these gates.
template <class Put>
void over_columns(const Extents& e, int64_t first, int64_t last, const Put& put) {
  for (int64_t unit = 0; unit < e.r.hidden; ++unit) {
    for (int64_t gate = first; gate < last; ++gate) {
      const int64_t vector = unit / e.width * (last - first) + gate - first;
      put(vector * e.width + unit % e.width, gate * e.r.hidden + unit);
    }
  }
}

/// Packs the rows [gates x hidden, inner] of ONNX's weights into panels that hold the gates
/// [first, last).
void pack_panels(const Extents& e, const float* from, int64_t inner, int64_t first, int64_t last,
                 float* to) {
  const int64_t wide = (last - first) * e.width;
  over_columns(e, first, last, [&](int64_t column, int64_t row) {
    float* out = to + column / wide * inner * wide + column % wide;
    for (int64_t k = 0; k < inner; ++k) out[k * wide] = from[row * inner + k];
  });
}

/// The weights of a node as the loops read them.
struct Packed {
  Tensor projection;  // panels of all directions, where the loops multiply; else empty
  Tensor bias;        // [columns]: the input's, and the recurrence's where it may be added early
  Tensor recurrent;   // of each direction, panel after panel
  Tensor candidate;   // GRU in two halves: the last gate's recurrences
  Tensor candidate_bias;  // GRU with linear_before_reset: [directions, padded]
  Tensor peepholes;       // [directions, 3, padded]
  Tensor nothing;         // [padded]: h before the first step where none is given

  size_t bytes() const {
    size_t sum = 0;
    for (const Tensor* each :
         {&projection, &bias, &recurrent, &candidate, &candidate_bias, &peepholes, &nothing}) {
      sum += each->bytes();
    }
    return sum;
  }
};

void pack_bias(const Extents& e, const Tensor* given, Packed& packed) {
  packed.bias = zeros(e.columns);
  packed.candidate_bias = zeros(e.r.directions * e.padded);
  if (!given) return;
  const int64_t all = e.r.gates * e.r.hidden;
  const bool late = e.r.gates == 3 && e.r.linear_before_reset;
  for (int64_t d = 0; d < e.r.directions; ++d) {
    const float* from = data(*given) + d * 2 * all;
    float* to = data(packed.bias) + d * e.r.gates * e.padded;
    over_columns(e, 0, e.r.gates, [&](int64_t column, int64_t row) {
      const bool apart = late && row >= 2 * e.r.hidden;
      to[column] = from[row] + (apart ? 0.0f : from[all + row]);
    });
    if (late) {
      std::copy_n(from + all + 2 * e.r.hidden, e.r.hidden,
                  data(packed.candidate_bias) + d * e.padded);
    }
  }
}

Packed pack(const Extents& e, const Candidate& candidate, bool project) {
  const Recurrence& r = e.r;
  const int64_t all = r.gates * r.hidden;
  const int64_t early = e.halves() ? 2 : r.gates;
  const float* w = data(*candidate.constant(weights));
  const float* u = data(*candidate.constant(recurrences));
  Packed packed;
  packed.projection = zeros(project ? r.input * e.columns : 0);
  packed.recurrent = zeros(r.directions * early * e.padded * r.hidden);
  packed.candidate = zeros(e.halves() ? r.directions * e.padded * r.hidden : 0);
  packed.peepholes = zeros(r.directions * 3 * e.padded);
  packed.nothing = zeros(e.padded);
  for (int64_t d = 0; d < r.directions; ++d) {
    if (project) {
      pack_panels(e, w + d * all * r.input, r.input, 0, r.gates,
                  data(packed.projection) + d * r.gates * e.padded * r.input);
    }
    const float* from = u + d * all * r.hidden;
    pack_panels(e, from, r.hidden, 0, early,
                data(packed.recurrent) + d * early * e.padded * r.hidden);
    if (e.halves()) {
      pack_panels(e, from, r.hidden, 2, 3, data(packed.candidate) + d * e.padded * r.hidden);
    }
    for (int64_t part = 0; candidate.context.present(peephole) && part < 3; ++part) {
      std::copy_n(data(*candidate.constant(peephole)) + (d * 3 + part) * r.hidden, r.hidden,
                  data(packed.peepholes) + (d * 3 + part) * e.padded);
    }
  }
  pack_bias(e, candidate.constant(biases), packed);
  return packed;
}

/// The input's product through oneDNN: its columns in the order in which the steps read them.
std::unique_ptr<Kernel> onednn_projection(const Extents& e, const Candidate& candidate,
                                          const Tensor& bias) {
  using onednn::Desc;
  const auto f32 = onednn::Type::f32;
  const auto plain = onednn::Tag::ab;
  Tensor matrix = zeros(e.r.input * e.columns);
  for (int64_t d = 0; d < e.r.directions; ++d) {
    const float* from = data(*candidate.constant(weights)) + d * e.r.gates * e.r.hidden * e.r.input;
    float* to = data(matrix) + d * e.r.gates * e.padded;
    over_columns(e, 0, e.r.gates, [&](int64_t column, int64_t row) {
      for (int64_t k = 0; k < e.r.input; ++k)
        to[k * e.columns + column] = from[row * e.r.input + k];
    });
  }
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc pd(
      dnnl::matmul::desc(Desc({e.rows, e.r.input}, f32, plain),
                         Desc({e.r.input, e.columns}, f32, onednn::Tag::any),
                         Desc({1, e.columns}, f32, plain), Desc({e.rows, e.columns}, f32, plain)),
      attributes, onednn::engine());
  onednn::Assembly assembly;
  std::vector<onednn::Argument> arguments = {
      onednn::read(DNNL_ARG_SRC, pd.src_desc()),
      assembly.packed(DNNL_ARG_WEIGHTS, matrix.raw(), Desc({e.r.input, e.columns}, f32, plain),
                      pd.weights_desc()),
      assembly.packed(DNNL_ARG_BIAS, bias.raw(), Desc({1, e.columns}, f32, plain)),
      onednn::written(DNNL_ARG_DST, pd.dst_desc())};
  assembly.add(dnnl::matmul(pd), std::move(arguments), pd.scratchpad_desc());
  return assembly.finish(pd.impl_info_str());
}

/// What one kernel's calls share.
struct Shared {
  Extents extents;
  const PanelLoops& loops;
  Packed packed;
  std::unique_ptr<Kernel> projection;  // null: the loops do it
  bool has_h = false, has_c = false, has_peepholes = false;
  int threads = 1;

  // Scratch memory, in bytes: the projection, then each direction's state, then oneDNN's.
  size_t projected_bytes() const {
    return onednn::rounded(sizeof(float) * static_cast<size_t>(extents.rows * extents.columns));
  }
  size_t direction_bytes() const {
    return onednn::rounded(sizeof(float) * static_cast<size_t>(extents.r.batch * extents.padded));
  }
  size_t own_bytes() const {
    return projected_bytes() + direction_bytes() * static_cast<size_t>(extents.r.directions);
  }
};

class RecurrentCall final : public Call {
 public:
  RecurrentCall(const Shared& shared, const Buffers& buffers)
      : s_(shared),
        e_(shared.extents),
        x_(static_cast<const float*>(buffers.inputs[0])),
        y_(static_cast<float*>(buffers.outputs[0])),
        y_h_(static_cast<float*>(buffers.outputs[1])),
        y_c_(e_.r.gates == 4 ? static_cast<float*>(buffers.outputs[2]) : nullptr) {
    size_t next = 1;
    if (s_.has_h) h_ = static_cast<const float*>(buffers.inputs[next++]);
    if (s_.has_c) c_ = static_cast<const float*>(buffers.inputs[next++]);
    auto* scratch = static_cast<std::byte*>(buffers.scratch);
    projected_ = reinterpret_cast<float*>(scratch);
    for (int64_t d = 0; d < e_.r.directions; ++d) {
      steps_[static_cast<size_t>(d)] = first_step(
          d, scratch + s_.projected_bytes() + static_cast<size_t>(d) * s_.direction_bytes());
    }
    if (s_.projection) {
      const std::array<void*, 1> in = {buffers.inputs[0]};
      const std::array<void*, 1> out = {projected_};
      projection_ = s_.projection->bind({in, out, scratch + s_.own_bytes()});
    }
  }

  void run() override {
    project();
    const bool shared_steps = s_.threads > 1 && e_.step_macs() >= shared_step;
    const bool apart = s_.threads > 1 && e_.r.directions == 2 && (!shared_steps || s_.threads == 2);
    if (apart && e_.step_macs() * e_.r.steps >= shared_step) {
      parallel(2, 2, [&](int64_t d, int64_t end) {
        for (; d < end; ++d) run_direction(d, 1);
      });
      return;
    }
    for (int64_t d = 0; d < e_.r.directions; ++d) run_direction(d, shared_steps ? s_.threads : 1);
  }

 private:
  RecurrentStep first_step(int64_t d, std::byte* scratch) const {
    const Recurrence& r = e_.r;
    const int64_t early = e_.halves() ? 2 : r.gates;
    const size_t functions = r.functions.size() / static_cast<size_t>(r.directions);
    RecurrentStep step;
    step.recurrences = {data(s_.packed.recurrent) + d * early * e_.padded * r.hidden, r.hidden,
                        early};
    step.batch = r.batch;
    step.hidden = r.hidden;
    step.padded = e_.padded;
    step.out_stride = r.output_offset(0, 0, 1);
    step.projected_stride = e_.columns * (r.batch_first ? r.steps : 1);
    if (s_.has_peepholes) step.peepholes = data(s_.packed.peepholes) + d * 3 * e_.padded;
    step.candidate_bias = data(s_.packed.candidate_bias) + d * e_.padded;
    step.functions = r.functions.data() + static_cast<size_t>(d) * functions;
    step.clip = r.clip;
    step.input_forget = r.input_forget;
    if (r.gates == 4) step.c = reinterpret_cast<float*>(scratch);
    if (r.gates == 3) step.kept = reinterpret_cast<float*>(scratch);
    if (e_.halves()) {
      step.candidate = {data(s_.packed.candidate) + d * e_.padded * r.hidden, r.hidden, 1};
    }
    return step;
  }

  void project() {
    if (projection_) return projection_->run();
    PanelProduct product;
    product.panels = {data(s_.packed.projection), e_.r.input, e_.r.gates};
    product.rows = e_.rows;
    product.columns = product.out_stride = e_.columns;
    product.in = x_;
    product.in_stride = e_.r.input;
    product.bias = data(s_.packed.bias);
    product.out = projected_;
    const bool big = e_.rows * e_.r.input * e_.columns >= shared_step;
    parallel(big ? s_.threads : 1, e_.r.directions * e_.panels,
             [&](int64_t panel, int64_t end) { s_.loops.product(product, panel, end); });
  }

  void start_cells(const RecurrentStep& step, int64_t d) const {
    for (int64_t b = 0; b < e_.r.batch; ++b) {
      float* c = step.c + b * e_.padded;
      std::fill_n(c, e_.padded, 0.0f);
      if (c_) std::copy_n(c_ + e_.r.state_offset(d, b), e_.r.hidden, c);
    }
  }

  void run_direction(int64_t d, int threads) {
    const Recurrence& r = e_.r;
    RecurrentStep step = steps_[static_cast<size_t>(d)];
    if (step.c) start_cells(step, d);
    if (h_) {
      step.h = h_ + r.state_offset(d, 0);
      step.h_stride = r.state_offset(0, 1);
    } else {  // all zero: the first step's products are
      step.h = data(s_.packed.nothing);
      step.recurrences.inner = step.candidate.inner = 0;
    }
    const bool backwards = r.reverse || d == 1;
    for (int64_t i = 0; i < r.steps; ++i) {
      const int64_t t = backwards ? r.steps - 1 - i : i;
      step.out = y_ + r.output_offset(t, d, 0);
      step.projected =
          projected_ + r.input_offset(t, 0) / r.input * e_.columns + d * r.gates * e_.padded;
      run_step(step, threads);
      step.h = step.out;
      step.h_stride = step.out_stride;
      step.recurrences.inner = step.candidate.inner = r.hidden;
    }
    for (int64_t b = 0; b < r.batch; ++b) {
      std::copy_n(step.h + b * step.h_stride, r.hidden, y_h_ + r.state_offset(d, b));
      if (y_c_) std::copy_n(step.c + b * e_.padded, r.hidden, y_c_ + r.state_offset(d, b));
    }
  }

  void run_step(const RecurrentStep& step, int threads) const {
    const PanelLoops& loops = s_.loops;
    const auto all = [&](StepLoop loop) {
      parallel(threads, e_.panels, [&](int64_t panel, int64_t end) { loop(step, panel, end); });
    };
    if (e_.r.gates == 1) return all(loops.rnn);
    if (e_.r.gates == 4) return all(loops.lstm);
    if (!e_.halves()) return all(loops.gru_linear_before_reset);
    all(loops.gru_gates);
    all(loops.gru_candidate);
  }

  const Shared& s_;  // of the kernel, which outlives its calls
  const Extents& e_;
  const float* x_;
  float* y_;
  float* y_h_;
  float* y_c_;
  const float* h_ = nullptr;
  const float* c_ = nullptr;
  float* projected_ = nullptr;
  std::array<RecurrentStep, 2> steps_;
  std::unique_ptr<Call> projection_;
};

class RecurrentKernel final : public Kernel {
 public:
  explicit RecurrentKernel(Shared shared) : shared_(std::move(shared)) {}
  std::string name() const override {
    const std::string own = std::string("panels ") + shared_.loops.level;
    return shared_.projection ? own + ", " + shared_.projection->name() : own;
  }
  size_t scratch_bytes() const override {
    return shared_.own_bytes() + (shared_.projection ? shared_.projection->scratch_bytes() : 0);
  }
  size_t weight_bytes() const override {
    return shared_.packed.bytes() + (shared_.projection ? shared_.projection->weight_bytes() : 0);
  }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    return std::make_unique<RecurrentCall>(shared_, buffers);
  }

 private:
  Shared shared_;
};

/// Lengths that are known and cut nothing are as good as none.
bool runs_all_steps(const Candidate& candidate, const Recurrence& r) {
  if (!candidate.context.present(lengths)) return true;
  const Tensor* given = candidate.constant(lengths);
  return given && std::ranges::all_of(given->data<int32_t>(),
                                      [&](int32_t length) { return length >= r.steps; });
}

/// Why the node isn't for this kernel; empty when it is.
std::string refusal(const Candidate& candidate, const Extents& e) {
  const Recurrence& r = e.r;
  for (const size_t input :
       {size_t{weights}, size_t{recurrences}, size_t{biases}, size_t{peephole}}) {
    if (candidate.context.present(input) && !candidate.constant(input)) {
      return "the weights are computed while running";
    }
  }
  if (!runs_all_steps(candidate, r)) return "its sequences are of different lengths";
  if (r.steps == 0 || r.batch == 0 || r.input == 0 || r.hidden == 0) return "something is empty";
  if (std::ranges::any_of(r.functions, [](const RecurrentFunction& f) {
        return f.kind == RecurrentFunction::Kind::softplus;
      })) {
    return "Softplus isn't among the vector functions";
  }
  // Few units fill a panel badly: what they are padded to counts, too.
  const double most = static_cast<double>(graph::max_value_bytes / sizeof(float));
  const double columns = static_cast<double>(e.columns);
  if (columns * static_cast<double>(std::max({e.rows, r.input, r.hidden, r.batch})) > most) {
    return "padded to whole vectors it is too large";
  }
  return {};
}

Offer recurrent(const Candidate& candidate) {
  if (candidate.outputs[0].dtype != DType::f32) return Refusal{"not fp32"};
  const PanelLoops& loops = panel_loops();
  const Extents e(graph::detail::recurrence_of(candidate.context), loops.width);
  if (std::string reason = refusal(candidate, e); !reason.empty()) return Refusal{reason};
  const bool through_onednn = e.rows >= onednn_rows;
  Shared shared{e, loops, pack(e, candidate, !through_onednn), nullptr};
  Choice choice;
  choice.reads = {{values, Layout::plain}};
  shared.has_h = candidate.context.present(initial_h);
  shared.has_c = e.r.gates == 4 && candidate.context.present(initial_c);
  shared.has_peepholes = e.r.gates == 4 && candidate.context.present(peephole);
  shared.threads = candidate.threads;
  if (shared.has_h) choice.reads.push_back({initial_h, Layout::plain});
  if (shared.has_c) choice.reads.push_back({initial_c, Layout::plain});
  try {
    if (through_onednn) shared.projection = onednn_projection(e, candidate, shared.packed.bias);
  } catch (const dnnl::error& error) {
    return Refusal{std::string("oneDNN: ") + error.what()};
  }
  choice.macs = static_cast<double>(e.rows * e.r.directions) *
                static_cast<double>(e.r.gates * e.r.hidden * (e.r.input + e.r.hidden));
  choice.kernel = std::make_unique<RecurrentKernel>(std::move(shared));
  return choice;
}

}  // namespace

void register_recurrent(KernelRegistry& registry) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) registry.add(op, 10, recurrent);
}

}  // namespace betimes::runtime
