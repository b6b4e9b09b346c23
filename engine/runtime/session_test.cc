#include "betimes/runtime/session.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/runtime/detail/testing.h"

// Counts allocations by who asks: this program's own operator new replaces the library's, and the
// return address tells whether the caller lies in oneDNN.

namespace {

std::atomic<bool> counting{false};
std::atomic<int> ours{0};
std::atomic<int> onednns{0};

void count(const void* caller) {
  if (!counting.load(std::memory_order_relaxed)) return;
  Dl_info info{};
  const bool known = dladdr(caller, &info) != 0 && info.dli_fname != nullptr;
  const bool library =
      known && std::string_view(info.dli_fname).find("dnnl") != std::string_view::npos;
  ++(library ? onednns : ours);
}

void* allocate(size_t bytes, size_t alignment) {
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded ? rounded : alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

[[gnu::noinline]] void* operator new(size_t bytes) {
  count(__builtin_return_address(0));
  return allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new[](size_t bytes) {
  count(__builtin_return_address(0));
  return allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  count(__builtin_return_address(0));
  return allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  count(__builtin_return_address(0));
  return allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(size_t bytes, std::align_val_t alignment) {
  count(__builtin_return_address(0));
  return allocate(bytes, static_cast<size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](size_t bytes, std::align_val_t alignment) {
  count(__builtin_return_address(0));
  return allocate(bytes, static_cast<size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace betimes::runtime {
namespace {

using testing::GraphBuilder;
using testing::random_tensor;
using Ints = std::vector<int64_t>;

/// Every kind of kernel that the runtime has of its own, and convolutions.
graph::Graph busy_graph() {
  GraphBuilder build;
  const auto convolution = [&](const std::string& x, int64_t in, int64_t out) {
    return build.node("Conv", {x, build.weights({out, in, 3, 3}), build.weights({out})},
                      {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}});
  };
  const std::string x = build.input({1, 3, 16, 16});
  const std::string a = build.node("Relu", {convolution(x, 3, 16)});
  const std::string b = build.node("Add", {convolution(a, 16, 16), a});
  const std::string scale = build.constant(Tensor::scalar(0.05f));
  const std::string zero = build.constant(Tensor::scalar(uint8_t{128}));
  const std::string q = build.node("QuantizeLinear", {b, scale, zero});
  const std::string d = build.node("DequantizeLinear", {q, scale, zero});
  const std::string pooled =
      build.node("MaxPool", {d}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const std::string sizes = build.constant<float>({4}, {1, 1, 2, 2});
  const std::string large =
      build.node("Resize", {pooled, "", sizes}, {{"mode", std::string("linear")}});
  const std::string joined = build.node("Concat", {large, d}, {{"axis", int64_t{1}}});
  const std::string mean = build.node("GlobalAveragePool", {joined});
  const std::string gated = build.node("Mul", {joined, build.node("Sigmoid", {mean})});
  const std::string flat = build.node("Flatten", {build.node("GlobalAveragePool", {gated})});
  const std::string y = build.node("Gemm", {flat, build.weights({32, 10}), build.weights({10})});
  return build.finish({build.node("Softmax", {y})});
}

TEST(Session, RunningAllocatesNothingOfOurs) {
  Session session(compile(busy_graph()));
  session.run();  // oneDNN and OpenMP set themselves up in the first run
  ours = onednns = 0;
  counting = true;
  session.run();
  counting = false;
  EXPECT_EQ(ours.load(), 0);
  // oneDNN builds a map of the arguments in every call; known, bounded, and not ours to mend.
  RecordProperty("allocations_by_onednn", onednns.load());
  EXPECT_LE(onednns.load(), 12 * static_cast<int>(session.plan().steps().size()));
}

TEST(Session, ManySessionsOfOnePlanAtOnce) {
  const graph::Graph graph = busy_graph();
  const auto plan = compile(graph);
  constexpr uint32_t count = 4;
  std::vector<std::map<std::string, Tensor>> inputs, expected(count), found(count);
  for (uint32_t i = 0; i < count; ++i) {
    inputs.push_back({{"x", random_tensor({1, 3, 16, 16}, i)}});
    expected[i] = Session(plan).run(inputs[i]);
  }
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      Session session(plan);
      for (int run = 0; run < 20; ++run) found[i] = session.run(inputs[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint32_t i = 0; i < count; ++i) {
    for (const auto& [name, tensor] : expected[i]) {
      EXPECT_EQ(testing::relative_error(found[i].at(name), tensor), 0) << "session " << i;
    }
  }
}

TEST(Session, BuffersAndTheConvenientRunAgree) {
  const auto plan = compile(busy_graph());
  Session session(plan);
  const Tensor x = random_tensor({1, 3, 16, 16}, 3);
  const auto expected = session.run({{"x", x}});
  Session other(plan);
  std::copy(x.data<float>().begin(), x.data<float>().end(), other.inputs()[0].as<float>());
  other.run();
  const auto y = expected.begin()->second.data<float>();
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(other.outputs()[0].as<float>()[i], y[i]);
  std::vector<int64_t> times(plan->steps().size() + 1);
  other.run_profiled(times);
  int64_t sum = 0;
  for (size_t i = 0; i + 1 < times.size(); ++i) sum += times[i];
  EXPECT_LE(sum, times.back());
  EXPECT_THROW(other.run_profiled(std::span(times).first(1)), Error);
}

TEST(Session, RefusesInputsThatDontFit) {
  Session session(compile(busy_graph()));
  EXPECT_THROW(session.run({}), Error);
  EXPECT_THROW(session.run({{"x", Tensor(DType::f32, {1, 3, 16, 15})}}), Error);
  EXPECT_THROW(session.run({{"x", Tensor(DType::u8, {1, 3, 16, 16})}}), Error);
  EXPECT_THROW(session.run({{"x", Tensor(DType::f32, {1, 3, 16, 16})}, {"y", Tensor()}}), Error);
}

TEST(Plan, SaysWhatEachStepIs) {
  const auto plan = compile(busy_graph());
  double macs = 0;
  for (const StepInfo& step : plan->steps()) {
    EXPECT_FALSE(step.kernel.empty()) << step.name;
    EXPECT_FALSE(step.precision.empty()) << step.name;
    EXPECT_GT(step.bytes, 0) << step.name;
    if (step.op == "Conv") {
      EXPECT_GE(step.source.size(), 2u) << step.name;
    }
    macs += step.macs;
  }
  EXPECT_EQ(macs, 256.0 * 9 * (3 * 16 + 16 * 16) + 320);
  EXPECT_GT(plan->memory().weights, 0u);
  EXPECT_GT(plan->memory().arena, 0u);
}

TEST(Plan, UsesTheArenaAgain) {
  GraphBuilder build;
  std::string x = build.input({1, 16, 32, 32});
  for (int i = 0; i < 8; ++i) {
    x = build.node("Conv", {x, build.weights({16, 16, 3, 3})},
                   {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}});
  }
  const auto plan = compile(build.finish({x}));
  const size_t one = 16 * 32 * 32 * sizeof(float);
  EXPECT_LE(plan->memory().arena, 3 * one);
}

TEST(Plan, Bf16IsRefusedWithTheReasonWhereItCantBe) {
  GraphBuilder build;
  const std::string x = build.input({1, 16, 8, 8});
  const std::string y =
      build.node("Conv", {x, build.weights({16, 16, 3, 3})}, {{"kernel_shape", Ints{3, 3}}});
  CompileOptions options;
  options.bf16 = {"n0"};
  // A convolution in bf16 has 8 bits of mantissa.
  const auto plan = testing::expect_same(build.finish({y}), options, 2e-2);
  for (const StepInfo& step : plan->steps()) {
    if (step.op != "Conv") continue;
    const bool lowered = step.precision == "bf16";
    EXPECT_TRUE(lowered || step.refusals.find("bf16") != std::string::npos) << step.refusals;
  }
}

/// Softmax between matrix products: nothing fuses into one step.
graph::Graph several_steps() {
  testing::GraphBuilder build;
  std::string x = build.input({4, 16});
  for (int i = 0; i < 3; ++i) {
    x = build.node("MatMul", {x, build.weights({16, 16})});
    x = build.node("Softmax", {x});
  }
  return build.finish({x});
}

TEST(Session, StopsBeforeAStepAtItsDeadlineOrWhenCancelled) {
  const graph::Graph graph = several_steps();
  Session session(compile(graph));
  const auto inputs = testing::random_inputs(graph, 1);
  const auto expected = session.run(inputs);
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(session.run_until({.deadline = now - std::chrono::hours(1)}), 0u);
  std::atomic<bool> cancelled{true};
  EXPECT_EQ(session.run_until({.cancelled = &cancelled}), 0u);
  cancelled = false;
  EXPECT_EQ(session.run_until({.deadline = now + std::chrono::hours(1), .cancelled = &cancelled}),
            std::nullopt);
  // A stopped session runs again as if nothing had been.
  EXPECT_EQ(testing::relative_error(session.run(inputs).begin()->second, expected.begin()->second),
            0);
}

TEST(Session, SaysWhereAnotherThreadStoppedIt) {
  const graph::Graph graph = several_steps();
  const auto plan = compile(graph);
  Session session(plan);
  std::atomic<bool> cancelled{false};
  std::thread other([&] { cancelled = true; });
  std::optional<size_t> stopped;
  while (!stopped) stopped = session.run_until({.cancelled = &cancelled});
  other.join();
  EXPECT_LT(*stopped, plan->steps().size());
}

}  // namespace
}  // namespace betimes::runtime
