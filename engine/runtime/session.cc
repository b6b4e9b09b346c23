#include "betimes/runtime/session.h"

#include <cstring>

#include "betimes/base/error.h"
#include "betimes/base/memory.h"
#include "betimes/base/threads.h"
#include "betimes/runtime/detail/plan_impl.h"

namespace betimes::runtime {
namespace {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<Tensor> make_tensors(const std::vector<TensorType>& types) {
  std::vector<Tensor> tensors;
  for (const TensorType& type : types) tensors.emplace_back(type);
  return tensors;
}

std::vector<TensorView> make_views(std::vector<Tensor>& tensors) {
  std::vector<TensorView> views;
  for (Tensor& tensor : tensors) views.push_back(view(tensor));
  return views;
}

}  // namespace

struct Session::Impl {
  explicit Impl(std::shared_ptr<const Plan> made, const Plan::Impl& data)
      : plan(std::move(made)),
        arena(data.memory.arena, data.huge_pages),
        inputs(make_tensors(data.input_types)),
        outputs(make_tensors(data.output_types)),
        input_views(make_views(inputs)),
        output_views(make_views(outputs)) {
    // Huge pages come on first touch, which is here and not in the first run.
    if (data.huge_pages) std::memset(arena.data(), 0, arena.size());
    calls.reserve(data.steps.size());
    for (const Step& step : data.steps) {
      const std::vector<void*> in = addresses(data, step.inputs);
      const std::vector<void*> out = addresses(data, step.outputs);
      calls.push_back(step.kernel->bind({in, out, arena.data() + step.scratch_offset}));
    }
  }

  void* address(const Plan::Impl& data, size_t value) {
    return static_cast<std::byte*>(storage_address(data, data.values[value].storage)) +
           data.values[value].offset;
  }
  void* storage_address(const Plan::Impl& data, size_t index) {
    const Storage& storage = data.storages[index];
    switch (storage.place) {
      case Storage::Place::input:
        return input_views[storage.index].data;
      case Storage::Place::output:
        return output_views[storage.index].data;
      case Storage::Place::constant:
        // Kernels never write to what they read.
        return const_cast<std::byte*>(data.constants[storage.index].data.get());
      case Storage::Place::arena:
        break;
    }
    return arena.data() + storage.offset;
  }
  std::vector<void*> addresses(const Plan::Impl& data, const std::vector<size_t>& values) {
    std::vector<void*> found;
    for (const size_t value : values) found.push_back(address(data, value));
    return found;
  }

  std::shared_ptr<const Plan> plan;
  Memory arena;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<TensorView> input_views;
  std::vector<TensorView> output_views;
  std::vector<std::unique_ptr<Call>> calls;
};

Session::Session(std::shared_ptr<const Plan> plan) {
  const Plan::Impl& data = *plan->impl_;
  impl_ = std::make_unique<Impl>(std::move(plan), data);
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const Plan& Session::plan() const { return *impl_->plan; }
std::span<const TensorView> Session::inputs() const { return impl_->input_views; }
std::span<const TensorView> Session::outputs() const { return impl_->output_views; }

std::vector<MemoryRange> Session::memory_ranges() const {
  std::vector<MemoryRange> ranges = {{impl_->arena.data(), impl_->arena.size()}};
  for (const Weights& weights : plan().impl_->weights) {
    ranges.emplace_back(weights.data.get(), weights.bytes);
  }
  return ranges;
}

void Session::run() {
  set_threads(impl_->plan->threads());
  for (const std::unique_ptr<Call>& call : impl_->calls) call->run();
}

std::optional<size_t> Session::run_until(const StopWhen& stop) {
  set_threads(impl_->plan->threads());
  for (size_t i = 0; i < impl_->calls.size(); ++i) {
    const bool cancelled =
        stop.cancelled != nullptr && stop.cancelled->load(std::memory_order_relaxed);
    if (cancelled || (stop.deadline && std::chrono::steady_clock::now() >= *stop.deadline))
      return i;
    impl_->calls[i]->run();
  }
  return std::nullopt;
}

void Session::run_profiled(std::span<int64_t> nanoseconds) {
  if (nanoseconds.size() != impl_->calls.size() + 1) {
    throw Error("run_profiled", "was given " + std::to_string(nanoseconds.size()) + " places",
                std::to_string(impl_->calls.size() + 1));
  }
  const int64_t start = now_ns();
  set_threads(impl_->plan->threads());
  int64_t before = now_ns();
  for (size_t i = 0; i < impl_->calls.size(); ++i) {
    impl_->calls[i]->run();
    const int64_t after = now_ns();
    nanoseconds[i] = after - before;
    before = after;
  }
  nanoseconds.back() = now_ns() - start;
}

std::map<std::string, Tensor> Session::run(const std::map<std::string, Tensor>& inputs) {
  const std::vector<graph::ValueInfo>& declared = plan().inputs();
  for (const auto& [name, value] : inputs) {
    const bool known = std::any_of(declared.begin(), declared.end(),
                                   [&, &wanted = name](const auto& i) { return i.name == wanted; });
    if (!known) throw Error("input " + name, "isn't an input of the model");
  }
  for (size_t i = 0; i < declared.size(); ++i) {
    const auto given = inputs.find(declared[i].name);
    if (given == inputs.end()) throw Error("input " + declared[i].name, "was not given");
    const TensorView& target = impl_->input_views[i];
    if (given->second.type() != target.type) {
      throw Error("input " + declared[i].name, "is " + to_string(given->second.type()),
                  to_string(target.type));
    }
    // An empty tensor has no memory to copy.
    if (given->second.bytes() > 0)
      std::memcpy(target.data, given->second.raw(), given->second.bytes());
  }
  run();
  std::map<std::string, Tensor> results;
  for (size_t i = 0; i < plan().outputs().size(); ++i) {
    Tensor result(impl_->output_views[i].type);
    if (result.bytes() > 0)
      std::memcpy(result.mutable_raw(), impl_->output_views[i].data, result.bytes());
    results[plan().outputs()[i].name] = std::move(result);
  }
  return results;
}

}  // namespace betimes::runtime
