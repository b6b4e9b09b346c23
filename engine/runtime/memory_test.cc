#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>

#include "betimes/import/onnx.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/dynamic_session.h"

// What plans and sessions hold, as they say it and as the heap says it.

namespace betimes::runtime {
namespace {

using testing::GraphBuilder;
using testing::random_tensor;
using testing::shared_folder;

/// Bytes that the program has from the heap now; 0 where a sanitizer has replaced it.
size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// The project's own small model.
graph::Graph embedded_model() {
  return import::read_onnx(BETIMES_SOURCE_DIR "/models/fashion-classifier.onnx");
}

/// The allocator keeps freed blocks in lists of its own and counts those as taken, so without a
/// leak its sums waver by so much. The smallest block is 16 bytes: what leaks one a run shows after
/// 512.
constexpr size_t waver = 8 << 10;

/// What primitives, their arguments and descriptions take beside weights and activations.
constexpr size_t bytes_per_step = 12 << 10;

struct Model {
  const char* name;
  std::map<std::string, Shape> shapes = {};
  std::map<std::string, Tensor> values = {};
};
std::ostream& operator<<(std::ostream& out, const Model& model) { return out << model.name; }

class ModelMemory : public ::testing::TestWithParam<Model> {};

TEST_P(ModelMemory, StaysCloseToWeightsAndTheLargestLiveSet) {
  const std::string path = shared_folder() + "/models/onnx/" + GetParam().name + ".onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " isn't here";
  CompileOptions options;
  options.shapes = GetParam().shapes;
  options.values = GetParam().values;
  const auto open = [&] {
    Session session(compile(import::read_onnx(path), options));
    session.run();
    return session;
  };
  open();  // fills oneDNN's cache, which stays
  const size_t before = heap_bytes();
  const Session session = open();
  const size_t held = heap_bytes() - before;

  const PlanMemory& memory = session.plan().memory();
  EXPECT_GE(memory.arena, memory.arena_least);
  EXPECT_LE(static_cast<double>(memory.weights + memory.arena),
            1.1 * static_cast<double>(memory.weights + memory.arena_least));
  const size_t known = memory.weights + memory.arena_least + memory.inputs_outputs;
  EXPECT_LE(static_cast<double>(held),
            1.1 * static_cast<double>(known) +
                static_cast<double>(bytes_per_step * session.plan().steps().size()));
}

INSTANTIATE_TEST_SUITE_P(Shared, ModelMemory,
                         ::testing::Values(Model{"mnist"}, Model{"yunet_n_320"},
                                           Model{"fastestdet"}, Model{"ultraface_rfb_320"},
                                           Model{"proxyless_landmark"}, Model{"dtln_1"},
                                           Model{"dtln_2"},
                                           Model{"silero_vad_16k_op15",
                                                 {{"input", {1, 576}}},
                                                 {{"sr", Tensor::scalar(int64_t{16000})}}}),
                         [](const auto& model) { return model.param.name; });

void expect_no_growth(const graph::Graph& graph, int64_t runs) {
  Session session(compile(graph));
  for (int i = 0; i < 10; ++i) session.run();
  const size_t before = heap_bytes();
  for (int64_t i = 0; i < runs; ++i) session.run();
  EXPECT_LE(heap_bytes(), before + waver) << "after " << runs << " runs";
}

TEST(Memory, RunsLeaveNothingBehind) {
  GraphBuilder build;
  const std::string x = build.input({1, 4, 8, 8});
  std::string y = build.node("Relu", {build.node("Conv", {x, build.weights({8, 4, 3, 3})})});
  y = build.node("Flatten", {build.node("GlobalAveragePool", {y})});
  y = build.node("Softmax", {build.node("MatMul", {y, build.weights({8, 5})})});
  expect_no_growth(build.finish({y}), 20'000);
}

TEST(Memory, RunsOfTheEmbeddedModelLeaveNothingBehind) {
  // BETIMES_LONG_RUNS=1000000 makes this a test of minutes.
  const char* asked = std::getenv("BETIMES_LONG_RUNS");
  expect_no_growth(embedded_model(), asked ? std::atoll(asked) : 1000);
}

TEST(Memory, RunsOfAPlanThatIsKeptLeaveNothingBehind) {
  DynamicSession session(embedded_model());
  const std::map<std::string, Tensor> inputs = testing::random_inputs(embedded_model(), 1);
  for (int i = 0; i < 10; ++i) session.run(inputs);
  const size_t before = heap_bytes();
  for (int i = 0; i < 1000; ++i) session.run(inputs);
  EXPECT_LE(heap_bytes(), before + waver);
}

TEST(Memory, PlansThatAreDroppedLeaveNothingBehind) {
  GraphBuilder build;
  const std::string x = build.input({-1, 16});
  const graph::Graph graph =
      build.finish({build.node("Relu", {build.node("MatMul", {x, build.weights({16, 64})})})});
  DynamicSession session(graph, {.max_plans = 2});
  const auto turn = [&] {
    for (int64_t n = 1; n <= 6; ++n) session.run({{"x", random_tensor({n, 16}, 1)}});
  };
  for (int i = 0; i < 50; ++i) turn();  // the allocator's own lists fill slowly
  const size_t before = heap_bytes();
  for (int i = 0; i < 200; ++i) turn();
  EXPECT_EQ(session.counts().evicted, session.counts().compiled - 2);
  // A plan takes some 30 KB, and 1,200 were dropped.
  EXPECT_LE(heap_bytes(), before + 4 * waver);
}

TEST(Memory, HugePagesChangeNoResult) {
  const graph::Graph graph = embedded_model();
  const auto inputs = testing::random_inputs(graph, 3);
  Session ordinary(compile(graph));
  Session huge(compile(graph, {.huge_pages = true}));
  const auto expected = ordinary.run(inputs);
  for (const auto& [name, tensor] : huge.run(inputs)) {
    EXPECT_EQ(testing::relative_error(tensor, expected.at(name)), 0) << name;
  }
  // The heap may be on huge pages by the system's own choice.
  const PlanMemory& memory = huge.plan().memory();
  EXPECT_LE(on_huge_pages(huge.memory_ranges()), memory.weights + memory.arena);
}

}  // namespace
}  // namespace betimes::runtime
