#include "systems/hardware/mlir-cost-model/function.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/hardware/mlir-cost-model/counts.h"
#include "systems/hardware/mlir-cost-model/testing.h"

namespace betimes::systems::mlir_cost_model {
namespace {

TEST(MlirFunction, IsReadWithItsTypesOperandsAndBodies) {
  const Function found = parse_function(small_text, "small");
  EXPECT_EQ(found.name, "main");
  ASSERT_EQ(found.arguments.size(), 3u);
  EXPECT_EQ(found.arguments[1].type.text(), "8x16xf32");
  ASSERT_EQ(found.operations.size(), 7u);
  const Operation& matmul = found.operations[4];
  EXPECT_EQ(matmul.name, "linalg.matmul");
  ASSERT_EQ(matmul.operands.size(), 3u);
  EXPECT_EQ(matmul.operands[2].name, "%1");
  EXPECT_EQ(matmul.outputs, 1u);
  EXPECT_EQ(matmul.type.text(), "4x16xf32");
  EXPECT_EQ(found.operations[1].constant, 0.5);
  const Operation& generic = found.operations[6];
  EXPECT_EQ(generic.iterators, (std::vector<std::string>{"parallel", "parallel"}));
  ASSERT_EQ(generic.maps.size(), 3u);
  EXPECT_EQ(generic.maps[1], std::vector<std::string>{"d1"});
  ASSERT_EQ(generic.body.size(), 3u);
  EXPECT_EQ(generic.body[1].operands[1].name, "%zero");
  EXPECT_EQ(generic.block.size(), 3u);
}

TEST(MlirFunction, IsReadAsMlirOptPrintsIt) {
  const Function found = parse_function(printed_text, "printed");
  ASSERT_EQ(found.operations.size(), 11u);
  EXPECT_EQ(found.operations[4].strides, std::vector<int64_t>{2});
  EXPECT_EQ(found.operations[7].strides, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(found.operations[10].maps[1], (std::vector<std::string>{"d0", "d1", "d2"}));
  EXPECT_EQ(found.operations[10].type.shape, (std::vector<int64_t>{1, 2, 2}));
}

/// Counted by hand.
TEST(MlirFunction, OperationsAndBytesAreCounted) {
  const Function small = parse_function(small_text, "small");
  EXPECT_EQ(flops_of(small.operations[4]), 2 * 4 * 8 * 16);
  EXPECT_EQ(bytes_of(small.operations[4]), 4 * (4 * 8 + 8 * 16 + 4 * 16));
  EXPECT_EQ(flops_of(small.operations[6]), 3 * 4 * 16);
  const Function printed = parse_function(printed_text, "printed");
  EXPECT_EQ(flops_of(printed.operations[4]), 2 * (4 * 4 * 8) * 3 * 3 * 4);
  EXPECT_EQ(flops_of(printed.operations[7]), (2 * 2 * 8) * 2 * 2);
  EXPECT_EQ(flops_of(printed.operations[10]), 2 * 2 * 8);
  const std::vector<std::string> names = count_names();
  const std::vector<float> counts = count(small, {true, 4});
  ASSERT_EQ(names.size(), counts.size());
  const auto of = [&](const std::string& name) {
    return counts.at(
        static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin()));
  };
  EXPECT_EQ(of("matmul"), 1);
  EXPECT_EQ(of("broadcast"), 1);
  EXPECT_EQ(of("maxima"), 1);
  EXPECT_EQ(of("fuse"), 1);
  EXPECT_EQ(of("log2 unroll"), 2);
}

TEST(MlirFunction, RefusesWhatItCannotCost) {
  const auto refused = [](const std::string& from, const std::string& to, const char* why) {
    try {
      parse_function(with(small_text, from, to), "changed");
      ADD_FAILURE() << to << " was taken";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(why), std::string::npos) << message;
      EXPECT_NE(message.find("changed, line"), std::string::npos) << message;
    }
  };
  refused("tensor<4x8xf32>", "tensor<?x8xf32>", "dynamic");
  refused("tensor<4x8xf32>", "tensor<*xf32>", "dynamic");
  refused("tensor<4x8xf32>", "tensor<0x8xf32>", "positive");
  refused("tensor<4x8xf32>", "tensor<9999999999x9999999999xf32>", "large");
  refused("tensor<4x8xf32>", "memref<4x8xf32>", "type");
  refused("linalg.matmul", "scf.for", "trip count");
  refused("linalg.matmul", "func.call", "trip count");
  refused("linalg.matmul", "tosa.matmul", "linalg");
  refused("ins(%arg0, %arg1", "ins(%arg0, %arg7", "before it is defined");
  refused("%1 = linalg.fill", "%0 = linalg.fill", "twice");
  refused("%1 = linalg.fill", "%1:2 = linalg.fill", "several results");
  refused("^bb0(%in0", "^bb0(%in0 %", "");
  refused("\"parallel\"", "\"parallel", "quote");
  refused("[4, 16]", "[4, 16", "");
  refused("return %4 : tensor<4x16xf32>", "", "terminator");
  refused("%zero = arith", "\x01 = arith", "byte");
  refused("  return", "}\nfunc.func @other() {\n  return", "");
  for (const char* strides : {"dense<1e25>", "dense<[0, 1]>", "dense<-2>", "dense<1.5>"}) {
    EXPECT_THROW(parse_function(with(printed_text, "dense<2>", strides), "strides"), Error);
  }
  EXPECT_THROW(parse_function("func.func @empty() {\n  return\n}\n", "empty"), Error);
  EXPECT_THROW(parse_function("", "nothing"), Error);
  EXPECT_THROW(parse_function(std::string(2 << 20, ' '), "large"), Error);
}

/// Cut and disturbed anywhere, it is a function or an Error: never anything else.
TEST(MlirFunction, SurvivesDamage) {
  Random random(7);
  const std::string whole = printed_text;
  const std::string marks = "%#@^<>(){}[]=:,-x?\"\n 0a";
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    if (i % 3 == 0) text.resize(static_cast<size_t>(random.below(text.size())));
    for (int j = 0; j < i % 4 && !text.empty(); ++j) {
      text[static_cast<size_t>(random.below(text.size()))] =
          marks[static_cast<size_t>(random.below(marks.size()))];
    }
    try {
      parse_function(text, "damaged");
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model
