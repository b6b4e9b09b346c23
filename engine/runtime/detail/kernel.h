#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "betimes/graph/operator.h"
#include "betimes/runtime/detail/layout.h"
#include "betimes/runtime/weight_store.h"

namespace betimes::runtime {

/// A kernel with its memory fixed: what a session's loop calls. run() allocates nothing.
class Call {
 public:
  virtual ~Call() = default;
  virtual void run() = 0;
};

/// The memory of one step of one session, in the order of Choice::reads and of the node's outputs.
struct Buffers {
  std::span<void* const> inputs;
  std::span<void* const> outputs;
  void* scratch = nullptr;
};

/// One implementation of one node for fixed shapes, weights packed. Immutable: sessions share it.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::string name() const = 0;
  virtual size_t scratch_bytes() const { return 0; }
  virtual std::vector<Weights> weights() const { return {}; }  // packed, what it reads
  virtual std::unique_ptr<Call> bind(const Buffers& buffers) const = 0;
};

/// A kernel that needs nothing but its operands' addresses: any callable (const Buffers&) that
/// returns a callable without arguments.
template <class Bind>
class SimpleKernel final : public Kernel {
 public:
  SimpleKernel(std::string name, size_t scratch, Bind bind)
      : name_(std::move(name)), scratch_(scratch), bind_(std::move(bind)) {}
  std::string name() const override { return name_; }
  size_t scratch_bytes() const override { return scratch_; }
  std::unique_ptr<Call> bind(const Buffers& buffers) const override {
    return std::make_unique<SimpleCall>(bind_(buffers));
  }

 private:
  using Body = std::invoke_result_t<const Bind&, const Buffers&>;
  class SimpleCall final : public Call {
   public:
    explicit SimpleCall(Body body) : body_(std::move(body)) {}
    void run() override { body_(); }

   private:
    Body body_;
  };
  std::string name_;
  size_t scratch_;
  Bind bind_;
};
template <class Bind>
std::unique_ptr<Kernel> simple_kernel(std::string name, Bind bind, size_t scratch = 0) {
  return std::make_unique<SimpleKernel<Bind>>(std::move(name), scratch, std::move(bind));
}

/// A node as the kernels' factories see it. What they pack goes into the store.
struct Candidate {
  graph::NodeContext context;
  std::span<const TensorType> outputs;
  std::vector<Layout> layouts;  // of the inputs, as they lie now
  std::vector<bool> dies;       // per input: nobody reads its memory after this node
  bool bf16 = false;
  int threads = 1;
  WeightStore& store;

  const graph::Node& node() const { return context.node; }
  const Tensor* constant(size_t i) const {
    return i < context.constants.size() ? context.constants[i] : nullptr;
  }
};

/// An input that a kernel reads while running, in the layout it wants.
struct Read {
  size_t input = 0;
  Layout layout = Layout::plain;
};

/// What a factory offers for a node. A kernel of a `view` is null: each output is a piece of the
/// first read's memory under another shape. A `join` has none either: output 0 is the reads, one
/// after the other, and who computes them may write them there at once.
struct Choice {
  std::unique_ptr<Kernel> kernel;
  std::vector<Read> reads;
  std::vector<Layout> writes;        // per output; missing ones are plain
  std::optional<size_t> overwrites;  // index into reads whose memory output 0 may take over
  bool must_overwrite = false;       // the kernel accumulates into it (allowed where it dies)
  bool view = false;
  std::vector<size_t> offsets;  // of a view's outputs, in bytes into the read; missing ones are 0
  bool join = false;
  std::string precision = "fp32";
  double macs = 0;
};

/// Why a kernel isn't for this node; shown to people.
struct Refusal {
  std::string reason;
};

using Offer = std::variant<Choice, Refusal>;
using Factory = std::function<Offer(const Candidate&)>;

/// The implementations of each operator, best first. runtime/kernels/<stem>.cc adds its own in
/// `register_<stem>`; the list of these calls is generated from the file names. The operator's
/// plain evaluator stands behind all of them.
class KernelRegistry {
 public:
  /// `op` is "Conv", or "betimes.Conv" for one of ours; lower ranks are tried first.
  void add(const std::string& op, int rank, Factory factory);
  std::vector<const Factory*> of(const graph::Node& node) const;

 private:
  std::map<std::string, std::multimap<int, Factory>> factories_;
};

const KernelRegistry& kernels();

/// The last choice for every node: the operator's evaluator, on plain memory.
Choice reference_choice(const Candidate& candidate);
/// Copies a value from one layout to another (or, where they agree, just copies).
std::unique_ptr<Kernel> reorder_kernel(const TensorType& type, Layout from, Layout to, int threads);

}  // namespace betimes::runtime
