#include "betimes/runtime/kernels/vector/attention.h"

#include <gtest/gtest.h>

#include "betimes/base/cpu.h"
#include "betimes/graph/testing/random.h"
#include "betimes/runtime/detail/testing.h"

// Attention: the loops of every level against plain sums in double, and the pass that recognises
// what exporters write.

namespace betimes::runtime {
namespace {

using testing::contains_step;
using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

struct Case {
  Shape query, key, value, mask;  // after their transposes; an empty mask: none
};

/// A tensor whose transpose by `order` has the shape.
Tensor operand(const Shape& shape, const Ints& order, uint32_t seed) {
  Shape stored(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) stored[static_cast<size_t>(order[i])] = shape[i];
  return testing::random_tensor(stored, seed, -2, 2);
}

Ints shuffled(size_t rank, std::mt19937& random) {
  Ints order(rank);
  std::iota(order.begin(), order.end(), int64_t{0});
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

/// A node betimes.Attention with its operands.
struct Given {
  graph::Node node{"attention", "Attention", "betimes", {"q", "k", "v"}, {"y"}, {}};
  std::vector<Tensor> operands;

  Given(const Case& c, std::mt19937& random) {
    node.attributes["scale"] = 0.3f;
    const std::pair<const char*, const Shape*> parts[] = {
        {"query_order", &c.query}, {"key_order", &c.key}, {"value_order", &c.value}};
    for (const auto& [name, shape] : parts) {
      const Ints order = shuffled(shape->size(), random);
      node.attributes[name] = order;
      operands.push_back(operand(*shape, order, static_cast<uint32_t>(random())));
    }
    node.attributes["output_order"] = shuffled(c.query.size(), random);
    if (!c.mask.empty()) {
      node.inputs.push_back("mask");
      operands.push_back(testing::random_tensor(c.mask, static_cast<uint32_t>(random()), -3, 3));
      // Some keys nobody sees; the first is always seen.
      auto values = operands.back().mutable_data<float>();
      for (size_t i = 1; i < values.size(); ++i) {
        if (random() % 4 == 0 && i % static_cast<size_t>(c.mask.back()) != 0) values[i] = -INFINITY;
      }
    }
  }
};

/// out = softmax(scale q k + mask) v by the definition, over whole tensors in double.
Tensor expected(const Given& given) {
  const auto transposed = [&](size_t i, const char* order) {
    graph::Graph graph;
    graph.nodes = {{"t", "Transpose", "", {"x"}, {"y"}, {{"perm", given.node.get(order, Ints{})}}}};
    graph.inputs = {{"x", DType::f64, {}}};
    graph.inputs[0].dims.emplace();
    for (const int64_t e : given.operands[i].shape()) graph.inputs[0].dims->push_back({e, {}});
    graph.outputs = {{"y", DType::f64, {}}};
    return graph::evaluate(graph, {{"x", given.operands[i].cast(DType::f64)}}).at("y");
  };
  graph::Graph graph;
  std::map<std::string, Tensor> inputs = {{"q", transposed(0, "query_order")},
                                          {"k", transposed(1, "key_order")},
                                          {"v", transposed(2, "value_order")}};
  const auto rank = static_cast<int64_t>(inputs["q"].shape().size());
  Ints swapped(static_cast<size_t>(rank));
  std::iota(swapped.begin(), swapped.end(), int64_t{0});
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  inputs["scale"] = Tensor::from<double>({}, {static_cast<double>(given.node.get("scale", 1.0f))});
  graph.nodes = {{"kt", "Transpose", "", {"k"}, {"kt"}, {{"perm", swapped}}},
                 {"qk", "MatMul", "", {"q", "kt"}, {"qk"}, {}},
                 {"sc", "Mul", "", {"qk", "scale"}, {"s0"}, {}}};
  std::string scores = "s0";
  if (given.operands.size() > 3) {
    inputs["mask"] = given.operands[3].cast(DType::f64);
    graph.nodes.push_back({"am", "Add", "", {"s0", "mask"}, {"s1"}, {}});
    scores = "s1";
  }
  graph.nodes.push_back({"sm", "Softmax", "", {scores}, {"p"}, {{"axis", int64_t{-1}}}});
  graph.nodes.push_back({"pv", "MatMul", "", {"p", "v"}, {"o"}, {}});
  graph.nodes.push_back(
      {"t", "Transpose", "", {"o"}, {"y"}, {{"perm", given.node.get("output_order", Ints{})}}});
  for (const auto& [name, tensor] : inputs) {
    graph.inputs.push_back({name, DType::f64, std::vector<graph::Dim>{}});
    for (const int64_t e : tensor.shape()) graph.inputs.back().dims->push_back({e, {}});
  }
  graph.outputs = {{"y", DType::f64, {}}};
  return graph::evaluate(graph, inputs).at("y");
}

std::vector<Case> cases(std::mt19937& random) {
  std::vector<Case> all = {{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}},
                           {{2, 3}, {5, 3}, {5, 4}, {}},
                           {{2, 3, 40, 15}, {2, 3, 40, 15}, {2, 3, 40, 15}, {}},
                           {{1, 2, 130, 64}, {1, 2, 300, 64}, {1, 2, 300, 64}, {130, 300}},
                           {{2, 4, 7, 32}, {2, 1, 700, 32}, {2, 1, 700, 96}, {2, 1, 1, 700}},
                           {{1, 1, 3, 0}, {1, 1, 4, 0}, {1, 1, 4, 2}, {}},
                           {{3, 1, 300}, {1, 67, 300}, {3, 67, 17}, {3, 1, 67}}};
  for (int i = 0; i < 40; ++i) {
    const auto some = [&](int64_t most) {
      return 1 + static_cast<int64_t>(random() % static_cast<uint32_t>(most));
    };
    const int64_t b = some(2), h = some(3), q = some(20), k = some(150), d = some(40),
                  dv = some(70);
    Case c{{b, h, q, d}, {b, h, k, d}, {b, h, k, dv}, {}};
    if (i % 3 == 0) c.mask = {b, 1, q, k};
    if (i % 3 == 1) c.mask = {1, k};
    all.push_back(c);
  }
  return all;
}

TEST(Attention, EveryLevelAgreesWithTheDefinition) {
  std::mt19937 random(5);
  for (const Case& c : cases(random)) {
    const Given given(c, random);
    SCOPED_TRACE(to_string(c.query) + to_string(c.key) + to_string(c.value) + to_string(c.mask));
    std::vector<TensorType> types;
    std::vector<const TensorType*> pointers;
    std::vector<const Tensor*> constants(given.operands.size());
    for (const Tensor& t : given.operands) types.push_back(t.type());
    for (const TensorType& type : types) pointers.push_back(&type);
    const graph::AttentionShape shape = graph::attention_shape({given.node, pointers, constants});
    const Tensor right = expected(given);
    ASSERT_EQ(right.shape(), shape.output_shape);
    const auto data = [&](size_t i) {
      return i < given.operands.size() ? given.operands[i].data<float>().data() : nullptr;
    };
    for (const AttentionLoops* loops : all_attention_loops()) {
      for (const int64_t block : {int64_t{1}, int64_t{5}, int64_t{252}}) {
        SCOPED_TRACE(::testing::Message() << loops->level << ", blocks of " << block);
        const AttentionWork work{shape, block};
        Tensor out(DType::f32, shape.output_shape);
        std::vector<float> scratch(loops->scratch_floats(work) + 16);
        float* aligned = scratch.data();
        while (reinterpret_cast<uintptr_t>(aligned) % 64 != 0) ++aligned;
        loops->run(work, {data(0), data(1), data(2), data(3), out.mutable_data<float>().data()}, 0,
                   work.units(), aligned);
        EXPECT_LE(testing::relative_error(out, right), 3e-6);
      }
    }
  }
}

TEST(Attention, MaskedRowsAndInfinitiesAreWhatTheSoftmaxSays) {
  // A row that sees no key is NaN, as softmax's definition has it, and spoils no other row; NaN in
  // one query spoils its row alone; a key that is never seen may hold anything.
  for (const AttentionLoops* loops : all_attention_loops()) {
    SCOPED_TRACE(loops->level);
    const graph::Node node{"a", "Attention", "betimes", {"q", "k", "v", "m"}, {"y"}, {}};
    const TensorType qt{DType::f32, {4, 8}}, kt{DType::f32, {600, 8}}, mt{DType::f32, {4, 600}};
    const TensorType* types[] = {&qt, &kt, &kt, &mt};
    const Tensor* constants[4] = {};
    const AttentionWork work{graph::attention_shape({node, types, constants}), 4};
    Tensor q = testing::random_tensor(qt.shape, 1), k = testing::random_tensor(kt.shape, 2);
    Tensor v = testing::random_tensor(kt.shape, 3), m(DType::f32, mt.shape),
           out(DType::f32, {4, 8});
    for (int64_t j = 0; j < 600; ++j) {
      m.mutable_data<float>()[static_cast<size_t>(600 + j)] = -INFINITY;  // row 1 sees nothing
      if (j < 599) m.mutable_data<float>()[static_cast<size_t>(1200 + j)] = -INFINITY;  // row 2
    }
    q.mutable_data<float>()[3 * 8] = NAN;
    std::vector<float> scratch(loops->scratch_floats(work) + 16);
    float* aligned = scratch.data();
    while (reinterpret_cast<uintptr_t>(aligned) % 64 != 0) ++aligned;
    loops->run(work,
               {q.data<float>().data(), k.data<float>().data(), v.data<float>().data(),
                m.data<float>().data(), out.mutable_data<float>().data()},
               0, work.units(), aligned);
    const auto y = out.data<float>();
    for (size_t d = 0; d < 8; ++d) {
      EXPECT_TRUE(std::isfinite(y[d]));
      EXPECT_TRUE(std::isnan(y[8 + d]));
      EXPECT_FLOAT_EQ(y[16 + d], v.data<float>()[599 * 8 + d]);
      EXPECT_TRUE(std::isnan(y[24 + d]));
    }
  }
}

/// Self-attention of x [batch, length, heads * depth] as PyTorch's exporter writes it.
struct Encoder {
  GraphBuilder build;
  int64_t batch = 2, length = 11, heads = 3, depth = 8;

  std::string head(const std::string& x, const Ints& order) {
    const int64_t width = heads * depth;
    const std::string y = build.node(
        "Add", {build.node("MatMul", {x, build.weights({width, width})}), build.weights({width})});
    const std::string shape = build.constant<int64_t>({4}, {batch, length, heads, depth});
    return build.node("Transpose", {build.node("Reshape", {y, shape})}, {{"perm", order}});
  }
  std::string scalar(float x) { return build.constant<float>({}, {x}); }
};

int count_steps(const Plan& plan, const std::string& op) {
  return static_cast<int>(std::count_if(plan.steps().begin(), plan.steps().end(),
                                        [&](const StepInfo& step) { return step.op == op; }));
}

TEST(Attention, ExportersFormsAreRecognised) {
  enum Form { divided, multiplied, query_scaled, both_scaled, masked, mask_first, value_first };
  for (const Form form : {divided, multiplied, query_scaled, both_scaled, masked, mask_first}) {
    SCOPED_TRACE(form);
    Encoder e;
    GraphBuilder& build = e.build;
    const std::string x = build.input({e.batch, e.length, e.heads * e.depth});
    std::string q = e.head(x, {0, 2, 1, 3});
    std::string k = e.head(x, {0, 2, 3, 1});
    const std::string v = e.head(x, {0, 2, 1, 3});
    if (form == query_scaled) q = build.node("Div", {q, e.scalar(2.8f)});
    if (form == both_scaled) {
      q = build.node("Mul", {q, e.scalar(0.6f)});
      k = build.node("Mul", {k, e.scalar(0.6f)});
    }
    std::string s = build.node("MatMul", {q, k});
    if (form == divided) s = build.node("Div", {s, e.scalar(2.8f)});
    if (form == multiplied) s = build.node("Mul", {e.scalar(0.35f), s});
    if (form == masked || form == mask_first) {
      const std::string m = build.input({e.batch, 1, 1, e.length}, "mask");
      const std::string mask =
          build.node("Mul", {build.node("Sub", {e.scalar(1), m}), e.scalar(-10)});
      s = form == masked ? build.node("Add", {s, mask}) : build.node("Add", {mask, s});
    }
    const std::string p = build.node("Softmax", {s}, {{"axis", int64_t{form == divided ? 3 : -1}}});
    const std::string o =
        build.node("Transpose", {build.node("MatMul", {p, v})}, {{"perm", Ints{0, 2, 1, 3}}});
    const std::string shape = build.constant<int64_t>({3}, {0, 0, e.heads * e.depth});
    const auto plan = expect_same(build.finish({build.node("Reshape", {o, shape})}), {}, 1e-5);
    EXPECT_EQ(count_steps(*plan, "Attention"), 1);
    EXPECT_FALSE(contains_step(*plan, "Transpose"));
    EXPECT_FALSE(contains_step(*plan, "Softmax"));
    EXPECT_EQ(count_steps(*plan, "MatMul"), 3);
  }
}

TEST(Attention, WhatIsReadElsewhereStays) {
  // The shares are an output too; K is read by another node; the softmax is along another axis.
  for (const int which : {0, 1, 2}) {
    SCOPED_TRACE(which);
    Encoder e;
    GraphBuilder& build = e.build;
    const std::string x = build.input({e.batch, e.length, e.heads * e.depth});
    const std::string q = e.head(x, {0, 2, 1, 3});
    const std::string k = e.head(x, {0, 2, 3, 1});
    const std::string v = e.head(x, {0, 2, 1, 3});
    const std::string p = build.node("Softmax", {build.node("MatMul", {q, k})},
                                     {{"axis", int64_t{which == 2 ? -2 : -1}}});
    std::vector<std::string> outputs = {build.node("MatMul", {p, v})};
    if (which == 0) outputs.push_back(p);
    if (which == 1) outputs.push_back(build.node("Tanh", {k}));
    const auto plan = expect_same(build.finish(outputs), {}, 1e-5);
    EXPECT_EQ(count_steps(*plan, "Attention"), which == 1 ? 1 : 0);
  }
}

TEST(Attention, ThreadsShareOneHead) {
  GraphBuilder build;
  const std::string q = build.input({300, 48}, "q");
  const std::string k = build.input({48, 90}, "k");
  const std::string v = build.input({90, 20}, "v");
  const graph::Graph graph = build.finish(
      {build.node("MatMul", {build.node("Softmax", {build.node("MatMul", {q, k})}), v})});
  for (int threads = 1; threads <= std::min(cpu_info().cpus, 3); ++threads) {
    CompileOptions options;
    options.threads = threads;
    EXPECT_TRUE(contains_step(*expect_same(graph, options, 1e-5), "Attention"));
  }
}

}  // namespace
}  // namespace betimes::runtime
