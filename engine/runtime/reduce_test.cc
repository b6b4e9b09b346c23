#include <gtest/gtest.h>

#include "betimes/base/cpu.h"
#include "betimes/runtime/detail/testing.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Reductions over neighbouring axes.

namespace betimes::runtime {
namespace {

using testing::expect_same;
using testing::GraphBuilder;
using Ints = std::vector<int64_t>;

const char* const operators[] = {"ReduceSum", "ReduceMean", "ReduceMax",      "ReduceMin",
                                 "ReduceL1",  "ReduceL2",   "ReduceSumSquare"};

std::string reduced(GraphBuilder& build, const std::string& op, const std::string& x,
                    const Ints& axes, bool keep) {
  std::map<std::string, graph::Attribute> attributes = {{"keepdims", int64_t{keep}}};
  if (op == "ReduceSum") {
    const auto count = static_cast<int64_t>(axes.size());
    return build.node(op, {x, build.constant<int64_t>({count}, axes)}, attributes);
  }
  attributes["axes"] = axes;
  return build.node(op, {x}, attributes);
}

TEST(Reduce, AnyAxesOfPlainArrays) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    Shape shape;
    for (size_t i = 1 + random() % 4; i > 0; --i)
      shape.push_back(1 + static_cast<int64_t>(random() % 37));
    Ints axes;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (random() % 2)
        axes.push_back(static_cast<int64_t>(i) - (random() % 2 ? std::ssize(shape) : 0));
    }
    if (axes.empty()) axes = {0};
    SCOPED_TRACE(to_string(shape) + " over " + to_string(axes));
    GraphBuilder build;
    const std::string x = build.input(shape);
    std::vector<std::string> outputs;
    for (const char* op : operators) outputs.push_back(reduced(build, op, x, axes, round % 2));
    CompileOptions options;
    options.threads = 1 + round % std::min(cpu_info().cpus, 2);
    expect_same(build.finish(outputs), options, 1e-5);
  }
}

TEST(Reduce, ChannelsLastIsReadAsItLies) {
  for (const bool keep : {false, true}) {
    for (const Ints& axes :
         {Ints{2, 3}, Ints{1}, Ints{3}, Ints{1, 2, 3}, Ints{0, 2, 3}, Ints{1, 3}}) {
      SCOPED_TRACE(to_string(axes) + (keep ? " kept" : ""));
      GraphBuilder build;
      const std::string x = build.input({2, 3, 12, 13});
      // Not negative, so that no sum cancels.
      const std::string conv = build.node(
          "Relu",
          {build.node("Conv", {x, build.weights({24, 3, 3, 3})}, {{"kernel_shape", Ints{3, 3}}})});
      std::vector<std::string> outputs;
      for (const char* op : operators) {
        outputs.push_back(build.node("Erf", {reduced(build, op, conv, axes, keep)}));
      }
      expect_same(build.finish(outputs), {}, 1e-4);
    }
  }
}

TEST(Reduce, NotANumberIsTheLargestAndTheSmallest) {
  for (const Loops* loops : all_loops()) {
    SCOPED_TRACE(loops->level);
    for (const size_t at : {0, 5, 36, 39}) {
      std::vector<float> row(40, 1);
      row[at] = NAN;
      std::vector<float> out(8);
      for (const Fold fold : {Fold::largest, Fold::smallest, Fold::sum}) {
        EXPECT_TRUE(std::isnan(loops->fold_row(fold, row.data(), 40)));
        loops->fold_rows(fold, row.data(), out.data(), 5, 8);
        for (size_t c = 0; c < 8; ++c) EXPECT_EQ(std::isnan(out[c]), c == at % 8);
      }
    }
  }
}

}  // namespace
}  // namespace betimes::runtime
