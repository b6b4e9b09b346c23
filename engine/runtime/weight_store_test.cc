#include "betimes/runtime/weight_store.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "betimes/import/onnx.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/dynamic_session.h"

namespace betimes::runtime {
namespace {

using testing::GraphBuilder;
using testing::random_tensor;
using testing::shared_folder;
using Inputs = std::map<std::string, Tensor>;

TEST(WeightStore, HoldsEqualBytesOnceAndOnlyWhileSomebodyHasThem) {
  for (const bool huge : {false, true}) {
    WeightStore store(huge);
    const Tensor a = random_tensor({3, 50}, 1);
    Weights first = store.share(a);
    EXPECT_FALSE(first.found);
    EXPECT_EQ(first.bytes, a.bytes());
    EXPECT_EQ(std::memcmp(first.data.get(), a.raw(), a.bytes()), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first.data.get()) % 64, 0u);
    Weights again = store.share(random_tensor({150}, 1));  // another shape, the same bytes
    EXPECT_TRUE(again.found);
    EXPECT_EQ(again.data, first.data);
    const Weights other = store.share(random_tensor({150}, 2));
    EXPECT_FALSE(other.found);
    EXPECT_NE(other.data, first.data);
    EXPECT_EQ(store.bytes(), 2 * a.bytes());
    EXPECT_EQ(store.share(Tensor(DType::f32, {0})).bytes, 0u);
    if (huge) continue;  // there, other keeps the chunk that they lie in
    first = {};
    EXPECT_EQ(store.bytes(), 2 * a.bytes());
    again = {};
    EXPECT_EQ(store.bytes(), a.bytes());
    EXPECT_FALSE(store.share(a).found);
  }
}

TEST(WeightStore, KeepsWeightsLargerThanAChunkOnHugePagesToo) {
  WeightStore store(true);
  std::vector<Weights> held;
  size_t bytes = 0;
  for (const int64_t floats : {1, 9'000'000, 17, 5'000'000, 5'000'000 - 1}) {
    const Tensor tensor = random_tensor({floats}, static_cast<uint32_t>(floats));
    held.push_back(store.share(tensor));
    bytes += tensor.bytes();
    EXPECT_EQ(std::memcmp(held.back().data.get(), tensor.raw(), tensor.bytes()), 0);
  }
  EXPECT_EQ(store.bytes(), bytes);
}

TEST(WeightStore, ForgetsManyThatNobodyHolds) {
  WeightStore store;
  for (int round = 0; round < 1000; ++round) {
    store.share(Tensor::scalar(static_cast<float>(round)));
  }
  EXPECT_EQ(store.bytes(), 0u);
}

/// Convolutions whose weights the passes scale, a product of rows, an LSTM, and a constant that is
/// read as it is; x of [N, 3, H, W].
graph::Graph varied() {
  GraphBuilder build;
  const std::string x = build.input({-1, 3, -1, -1});
  const std::map<std::string, graph::Attribute> same = {{"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  std::string y = build.node("Conv", {x, build.weights({16, 3, 3, 3}), build.weights({16})}, same);
  y = build.node("Mul", {y, build.weights({16, 1, 1})});
  y = build.node("Relu", {y});
  y = build.node("Conv", {y, build.weights({16, 16, 3, 3}), build.weights({16})}, same);
  y = build.node("ConvTranspose", {y, build.weights({16, 8, 2, 2}), build.weights({8})},
                 {{"strides", std::vector<int64_t>{2, 2}}});
  y = build.node("GlobalAveragePool", {y});
  y = build.node("Flatten", {y});
  y = build.node("Gemm", {y, build.weights({40, 8}), build.weights({40})},
                 {{"transB", int64_t{1}}});
  y = build.node("Sin", {build.node("Add", {y, build.weights({1, 40})})});
  return build.finish({y});
}

Inputs image(int64_t n, int64_t h, int64_t w) {
  return {{"x", random_tensor({n, 3, h, w}, static_cast<uint32_t>(100 * n + 10 * h + w))}};
}

TEST(WeightStore, PlansForEightShapesHoldTheWeightsOfOne) {
  const graph::Graph graph = varied();
  CompileOptions options;
  options.store = std::make_shared<WeightStore>();
  std::vector<std::shared_ptr<const Plan>> plans;
  std::vector<const Plan*> pointers;
  for (int64_t size = 16; size < 32; size += 2) {
    options.shapes = {{"x", {1, 3, size, size + 3}}};
    plans.push_back(compile(graph, options));
    pointers.push_back(plans.back().get());
    const PlanMemory& memory = plans.back()->memory();
    EXPECT_EQ(memory.weights, plans[0]->memory().weights);
    EXPECT_EQ(memory.shared_weights, plans.size() == 1 ? 0 : memory.weights);
    const Inputs inputs = image(1, size, size + 3);
    Session shares(plans.back());
    CompileOptions alone;
    alone.shapes = options.shapes;
    Session does_not(compile(graph, alone));
    EXPECT_EQ(testing::relative_error(shares.run(inputs).begin()->second,
                                      does_not.run(inputs).begin()->second),
              0);
  }
  EXPECT_EQ(weight_bytes(pointers), plans[0]->memory().weights);
  EXPECT_EQ(options.store->bytes(), plans[0]->memory().weights);
  plans.clear();
  EXPECT_EQ(options.store->bytes(), 0u);
}

TEST(WeightStore, PlansOfARealModelForEightBatchesShare) {
  const std::string path = shared_folder() + "/models/onnx/silero_vad_16k_op15.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " isn't here";
  const graph::Graph graph = import::read_onnx(path);
  CompileOptions options;
  options.store = std::make_shared<WeightStore>();
  options.values = {{"sr", Tensor::scalar(int64_t{16000})}};
  std::vector<std::shared_ptr<const Plan>> plans;
  for (const int64_t batch : {1, 2, 3, 4, 5, 6, 7, 8}) {
    options.shapes = {{"input", {batch, 576}}, {"state", {2, batch, 128}}};
    plans.push_back(compile(graph, options));
  }
  // Kernels change with the batch, and with them the layouts: each is there once.
  EXPECT_LE(static_cast<double>(options.store->bytes()),
            2.1 * static_cast<double>(plans[0]->memory().weights));
}

TEST(WeightStore, EightShapesOfADynamicSessionShare) {
  const graph::Graph graph = varied();
  DynamicSession session(graph, {.max_plans = 4});
  for (int64_t size = 16; size < 32; size += 2) {
    session.run(image(1, size, size));
    const PlanCounts counts = session.counts();
    const auto plans = static_cast<size_t>(counts.compiled - counts.evicted);
    EXPECT_EQ(counts.shared_weight_bytes, (plans - 1) * counts.weight_bytes);
  }
  EXPECT_EQ(session.counts().evicted, 4);
}

TEST(WeightStore, ThreadsMayCompileAtOnce) {
  const graph::Graph graph = varied();
  CompileOptions options;
  options.store = std::make_shared<WeightStore>();
  std::vector<std::vector<std::shared_ptr<const Plan>>> plans(2);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < plans.size(); ++t) {
    threads.emplace_back([&, t] {
      CompileOptions own = options;
      for (int64_t size = 16; size < 24; size += 2) {
        own.shapes = {{"x", {1, 3, size + static_cast<int64_t>(t), size}}};
        plans[t].push_back(compile(graph, own));
        if (size == 18) plans[t].erase(plans[t].begin());  // weights come and go meanwhile
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(options.store->bytes(), plans[0][0]->memory().weights);
  const Inputs inputs = image(1, 22, 22);
  Session shares(plans[0].back());
  EXPECT_LE(testing::relative_error(shares.run(inputs).begin()->second,
                                    graph::evaluate(graph, inputs).begin()->second),
            1e-4);
}

}  // namespace
}  // namespace betimes::runtime
