#include <algorithm>
#include <array>

#include "betimes/runtime/detail/onednn.h"
#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/detail/recurrent_weights.h"
#include "betimes/runtime/kernels/vector/panels.h"

// LSTM, GRU and RNN with constant weights. The input's share in all gates is one product for all
// steps; a step streams the recurrent weights once, in the order in which they were packed, and
// updates each cell as soon as its gates are known.

namespace betimes::runtime {
namespace {

using namespace recurrent;
using graph::RecurrentFunction;
using StepLoop = void (*)(const RecurrentStep&, int64_t, int64_t);

/// Rows of the input (steps x batch) from which oneDNN's product is the faster one.
constexpr int64_t onednn_rows = 16;

/// The input's product through oneDNN: its columns in the order in which the steps read them.
std::unique_ptr<Kernel> onednn_projection(const Extents& e, const Candidate& candidate,
                                          const Weights& bias) {
  using onednn::Desc;
  const auto f32 = onednn::Type::f32;
  const auto plain = onednn::Tag::ab;
  const Tensor matrix = projection_matrix(e, candidate);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc pd(
      dnnl::matmul::desc(Desc({e.rows, e.r.input}, f32, plain),
                         Desc({e.r.input, e.columns}, f32, onednn::Tag::any),
                         Desc({1, e.columns}, f32, plain), Desc({e.rows, e.columns}, f32, plain)),
      attributes, onednn::engine());
  onednn::Assembly assembly(candidate.store);
  std::vector<onednn::Argument> arguments = {
      onednn::read(DNNL_ARG_SRC, pd.src_desc()),
      assembly.packed(DNNL_ARG_WEIGHTS, matrix.raw(), Desc({e.r.input, e.columns}, f32, plain),
                      pd.weights_desc()),
      assembly.packed(DNNL_ARG_BIAS, bias.data.get(), Desc({1, e.columns}, f32, plain)),
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
    const int threads = product_threads(s_.threads, e_.step_macs());
    // Two threads meet less often when each takes a direction.
    if (e_.r.directions == 2 && threads <= 2 &&
        product_threads(s_.threads, e_.step_macs() * e_.r.steps) >= 2) {
      parallel(2, 2, [&](int64_t d, int64_t end) {
        for (; d < end; ++d) run_direction(d, 1);
      });
      return;
    }
    for (int64_t d = 0; d < e_.r.directions; ++d) run_direction(d, threads);
  }

 private:
  RecurrentStep first_step(int64_t d, std::byte* scratch) const {
    const Recurrence& r = e_.r;
    const int64_t early = e_.halves() ? 2 : r.gates;
    const size_t functions = r.functions.size() / static_cast<size_t>(r.directions);
    RecurrentStep step;
    step.recurrences = {s_.packed.recurrent.floats() + d * early * e_.padded * r.hidden, r.hidden,
                        early};
    step.batch = r.batch;
    step.hidden = r.hidden;
    step.padded = e_.padded;
    step.out_stride = r.output_offset(0, 0, 1);
    step.projected_stride = e_.columns * (r.batch_first ? r.steps : 1);
    if (s_.has_peepholes) step.peepholes = s_.packed.peepholes.floats() + d * 3 * e_.padded;
    step.candidate_bias = s_.packed.candidate_bias.floats() + d * e_.padded;
    step.functions = r.functions.data() + static_cast<size_t>(d) * functions;
    step.clip = r.clip;
    step.input_forget = r.input_forget;
    if (r.gates == 4) step.c = reinterpret_cast<float*>(scratch);
    if (r.gates == 3) step.kept = reinterpret_cast<float*>(scratch);
    if (e_.halves()) {
      step.candidate = {s_.packed.candidate.floats() + d * e_.padded * r.hidden, r.hidden, 1};
    }
    return step;
  }

  void project() {
    if (projection_) return projection_->run();
    PanelProduct product;
    product.panels = {s_.packed.projection.floats(), e_.r.input, e_.r.gates};
    product.rows = e_.rows;
    product.columns = product.out_stride = e_.columns;
    product.in = x_;
    product.in_stride = e_.r.input;
    product.bias = s_.packed.bias.floats();
    product.out = projected_;
    const int threads = product_threads(s_.threads, e_.rows * e_.r.input * e_.columns);
    parallel(threads, e_.r.directions * e_.panels,
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
      step.h = s_.packed.nothing.floats();
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
  std::vector<Weights> weights() const override {
    std::vector<Weights> all = shared_.packed.all();
    if (shared_.projection) {
      const std::vector<Weights> more = shared_.projection->weights();
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
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

Offer recurrent_kernel(const Candidate& candidate) {
  if (candidate.outputs[0].dtype != DType::f32) return Refusal{"not fp32"};
  const PanelLoops& loops = panel_loops();
  const Extents e(graph::recurrence_of(candidate.context), loops.width);
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
  const int64_t h_steps = e.r.steps - (shared.has_h ? 0 : 1);  // of h other than zero
  choice.macs = static_cast<double>(e.r.batch * e.r.directions * e.r.gates * e.r.hidden) *
                static_cast<double>(e.r.steps * e.r.input + h_steps * e.r.hidden);
  choice.kernel = std::make_unique<RecurrentKernel>(std::move(shared));
  return choice;
}

}  // namespace

void register_recurrent(KernelRegistry& registry) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) registry.add(op, 10, recurrent_kernel);
}

}  // namespace betimes::runtime
