#include "betimes/graph/elementwise.h"

#include <algorithm>

#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Functions of one and of two arrays in fp32, one or several that follow one another, in whatever
// layout the arrays lie. The output is computed a block at a time, step by step, so that what lies
// between steps stays in the nearest cache.

namespace betimes::runtime {
namespace {

using graph::ElementwiseStep;

/// What the node does, step by step.
std::vector<ElementwiseStep> steps_of(const graph::Node& node) {
  if (node.op == "Elementwise") return graph::elementwise_steps(node);
  const size_t inputs = node.inputs.size();
  if (const auto op = graph::arithmetic_of(node.op == "Sum" ? "Add" : node.op)) {
    if (inputs == 1) return {{std::nullopt, 0, 0, {}}};  // the largest of one, say
    std::vector<ElementwiseStep> steps = {{op, 0, 1, {}}};
    for (size_t i = 2; i < inputs; ++i) steps.push_back({op, inputs + i - 2, i, {}});
    return steps;
  }
  if (node.domain == "betimes") return {{std::nullopt, 0, 0, graph::activation_of(node)}};
  if (const auto f = graph::activation_of_operator(node)) return {{std::nullopt, 0, 0, *f}};
  return {};
}

/// How an operand repeats along the output, in the order of memory.
struct Spread {
  std::vector<int64_t> extents, strides;  // axes that repeat alike, merged; the outermost first

  bool even() const { return extents.size() <= 1; }  // one step apart throughout
  int64_t inner() const { return extents.empty() ? 1 : extents.back(); }
  int64_t step() const { return strides.empty() ? 0 : strides.back(); }
  /// The same numbers again and again.
  bool periodic() const { return extents.size() == 2 && strides[0] == 0; }
  int64_t offset(int64_t at) const {
    int64_t result = 0;
    for (size_t axis = extents.size(); axis-- > 0; at /= extents[axis]) {
      result += at % extents[axis] * strides[axis];
    }
    return result;
  }
};

Spread spread_of(const Shape& output, const Shape& operand) {
  Spread result;
  int64_t stride = 1;
  for (size_t axis = output.size(); axis-- > 0;) {
    if (output[axis] == 1) continue;
    const int64_t step = operand[axis] == 1 ? 0 : stride;
    stride *= operand[axis];
    auto& [extents, strides] = result;
    if (!extents.empty() && step == strides.front() * extents.front()) {
      extents.front() *= output[axis];
    } else {
      extents.insert(extents.begin(), output[axis]);
      strides.insert(strides.begin(), step);
    }
  }
  return result;
}

/// An array as a step reads it: `step` 0 repeats one number.
struct Array {
  const float* data = nullptr;
  int64_t step = 1;
};

struct Chain {
  std::vector<ElementwiseStep> steps;
  std::vector<Spread> operands;
  std::vector<size_t> slots;  // of each step's result among the thread's blocks; the last has none
  size_t results = 0;         // blocks of them; one for each operand follows, and one more
  int64_t block = 0;          // numbers at a time
  int64_t count = 0;          // of the output

  size_t scratch_floats() const {
    return (results + operands.size() + 1) * static_cast<size_t>((block + 15) / 16 * 16);
  }
  /// Whether the operand, spread out, is the same for every block.
  bool spread_once(size_t operand) const {
    return operands[operand].periodic() && block % operands[operand].inner() == 0;
  }
};

/// Results share blocks: one is free again after its last reader.
void assign_slots(Chain& chain) {
  const size_t inputs = chain.operands.size();
  std::vector<size_t> last(chain.steps.size(), 0);
  for (size_t i = 0; i < chain.steps.size(); ++i) {
    for (const size_t value : {chain.steps[i].left, chain.steps[i].right}) {
      if (value >= inputs) last[value - inputs] = i;
    }
  }
  std::vector<size_t> read_last;  // per slot, by which step
  for (size_t i = 0; i + 1 < chain.steps.size(); ++i) {
    size_t slot = 0;
    // A step may write what it reads: the loops take equal pointers.
    while (slot < read_last.size() && read_last[slot] > i) ++slot;
    if (slot == read_last.size()) read_last.push_back(0);
    read_last[slot] = last[i];
    chain.slots.push_back(slot);
  }
  chain.results = read_last.size();
}

int64_t block_of(const Chain& chain) {
  constexpr int64_t usual = 1024;
  const auto& operands = chain.operands;
  const ElementwiseStep& first = chain.steps[0];
  // Nothing lies between steps, and nothing is spread out.
  const bool direct =
      chain.steps.size() == 1 && operands[first.left].step() == 1 &&
      std::all_of(operands.begin(), operands.end(), [](const Spread& s) { return s.even(); });
  if (direct) return chain.count;
  for (const Spread& operand : operands) {
    const int64_t inner = operand.inner();
    if (operand.periodic() && inner <= usual) return usual / inner * inner;
  }
  return usual;
}

/// Operand's [at, at + count) written out.
void spread_out(const Spread& spread, const float* data, int64_t at, int64_t count, float* to) {
  for (int64_t i = 0; i < count;) {
    const int64_t run = std::min(spread.inner() - (at + i) % spread.inner(), count - i);
    const float* from = data + spread.offset(at + i);
    if (spread.step() == 0) {
      std::fill_n(to + i, run, *from);
    } else {
      std::copy_n(from, run, to + i);
    }
    i += run;
  }
}

/// One thread's view of a chain at work.
class Worker {
 public:
  Worker(const Chain& chain, const Loops& vector, const std::vector<const float*>& inputs,
         float* out, float* scratch)
      : chain_(chain), vector_(vector), inputs_(inputs), out_(out), scratch_(scratch) {}

  /// Output elements [begin, end); begin is a whole number of blocks.
  void run(int64_t begin, int64_t end) {
    for (size_t i = 0; begin < end && i < inputs_.size(); ++i) {
      const int64_t count = std::min(chain_.block, chain_.count);
      if (chain_.spread_once(i)) spread_out(chain_.operands[i], inputs_[i], 0, count, space(i));
    }
    for (at_ = begin; at_ < end; at_ += chain_.block) {
      count_ = std::min(chain_.block, end - at_);
      for (size_t i = 0; i < chain_.steps.size(); ++i) {
        const bool last = i + 1 == chain_.steps.size();
        run_step(chain_.steps[i], last ? out_ + at_ : slot(chain_.slots[i]));
      }
    }
  }

 private:
  float* slot(size_t i) const {
    return scratch_ + static_cast<int64_t>(i) * ((chain_.block + 15) / 16 * 16);
  }
  float* space(size_t operand) const { return slot(chain_.results + operand); }

  Array value(size_t i) const {
    const size_t inputs = inputs_.size();
    if (i >= inputs) return {slot(chain_.slots[i - inputs]), 1};
    const Spread& spread = chain_.operands[i];
    if (chain_.spread_once(i)) return {space(i), 1};
    const bool within = at_ / spread.inner() == (at_ + count_ - 1) / spread.inner();
    if (within || spread.even()) return {inputs_[i] + spread.offset(at_), spread.step()};
    spread_out(spread, inputs_[i], at_, count_, space(i));
    return {space(i), 1};
  }

  void run_step(const ElementwiseStep& step, float* out) {
    using graph::Arithmetic;
    Array left = value(step.left);
    if (!step.op) {
      vector_.activate(step.activation, spread_number(left), out, count_);
      return;
    }
    Array right = value(step.right);
    const bool commutes = *step.op != Arithmetic::subtract && *step.op != Arithmetic::divide;
    if (left.step == 0 && right.step != 0 && commutes) std::swap(left, right);
    vector_.combine(*step.op, spread_number(left), right.data, right.step, out, count_,
                    step.activation);
  }
  const float* spread_number(const Array& array) {
    if (array.step != 0) return array.data;
    float* to = slot(chain_.results + inputs_.size());
    std::fill_n(to, count_, *array.data);
    return to;
  }

  const Chain& chain_;
  const Loops& vector_;
  const std::vector<const float*>& inputs_;
  float* out_;
  float* scratch_;
  int64_t at_ = 0, count_ = 0;
};

std::unique_ptr<Kernel> chain_kernel(Chain chain, int threads) {
  const Loops& vector = loops();
  const size_t scratch = chain.scratch_floats();
  return simple_kernel(
      std::string("vector ") + vector.level,
      [chain = std::move(chain), threads, scratch, &vector](const Buffers& b) {
        std::vector<const float*> in;
        for (const void* input : b.inputs) in.push_back(static_cast<const float*>(input));
        return [chain, threads, scratch, in = std::move(in), &vector,
                out = static_cast<float*>(b.outputs[0]), space = static_cast<float*>(b.scratch)] {
          // Where one block is all, threads cut it anywhere; else they take whole blocks.
          const int64_t unit = chain.block == chain.count ? 1 : chain.block;
          const int64_t units = (chain.count + unit - 1) / unit;
          parallel(threads, threads, [&](int64_t thread, int64_t end) {
            for (; thread < end; ++thread) {
              Worker(chain, vector, in, out, space + static_cast<size_t>(thread) * scratch)
                  .run(units * thread / threads * unit,
                       std::min(units * (thread + 1) / threads * unit, chain.count));
            }
          });
        };
      },
      scratch * static_cast<size_t>(threads) * sizeof(float));
}

bool all_f32(const Candidate& candidate) {
  for (size_t i = 0; i < candidate.node().inputs.size(); ++i) {
    if (candidate.context.type(i).dtype != DType::f32) return false;
  }
  return candidate.outputs[0].dtype == DType::f32;
}

/// The layout of the first computed operand that has the output's shape, where the others lie so
/// too; operands of lower rank are plain ([C, 1, 1] is C numbers in either order).
Layout common_layout(const Candidate& candidate, const std::vector<Shape>& padded) {
  const Shape& out = candidate.outputs[0].shape;
  Layout layout = Layout::plain;
  for (size_t i = padded.size(); i-- > 0;) {
    if (candidate.context.shape(i) == out && !candidate.constant(i)) layout = candidate.layouts[i];
  }
  for (size_t i = 0; i < padded.size(); ++i) {
    const bool lower = candidate.context.shape(i).size() < out.size();
    if (lower && !same_memory(padded[i], Layout::plain, layout)) return Layout::plain;
  }
  return layout;
}

Offer elementwise(const Candidate& candidate) {
  if (!all_f32(candidate)) return Refusal{"the vector kernel computes fp32"};
  Chain chain;
  chain.steps = steps_of(candidate.node());
  const Shape& out = candidate.outputs[0].shape;
  chain.count = element_count(out);
  if (chain.steps.empty() || chain.count == 0) return Refusal{"nothing to compute"};
  std::vector<Shape> padded;
  for (size_t i = 0; i < candidate.node().inputs.size(); ++i) {
    padded.push_back(candidate.context.shape(i));
    padded[i].insert(padded[i].begin(), out.size() - padded[i].size(), 1);
  }
  const Layout layout = common_layout(candidate, padded);
  Choice choice;
  for (size_t i = 0; i < padded.size(); ++i) {
    const bool lower = candidate.context.shape(i).size() < out.size();
    choice.reads.push_back({i, lower ? Layout::plain : layout});
    chain.operands.push_back(
        spread_of(in_memory_order(out, layout), in_memory_order(padded[i], layout)));
    if (padded[i] == out && !choice.overwrites) choice.overwrites = i;
  }
  assign_slots(chain);
  chain.block = block_of(chain);
  choice.writes = {layout};
  const int64_t work = chain.count * static_cast<int64_t>(chain.steps.size());
  choice.kernel = chain_kernel(std::move(chain), useful_threads(candidate.threads, work));
  return choice;
}

}  // namespace

void register_elementwise(KernelRegistry& registry) {
  for (const char* op :
       {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish",          "Tanh", "Elu", "Exp",
        "Sqrt", "Abs",       "Neg",     "Reciprocal",  "betimes.Activation", "Add",  "Sub", "Mul",
        "Div",  "Max",       "Min",     "Sum",         "betimes.Elementwise"}) {
    registry.add(op, 10, elementwise);
  }
}

}  // namespace betimes::runtime
