#include "systems/hardware/mlir-cost-model/lowering.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/common/process.h"
#include "systems/hardware/mlir-cost-model/function.h"
#include "systems/hardware/mlir-cost-model/generator.h"
#include "systems/hardware/mlir-cost-model/testing.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

namespace betimes::systems::mlir_cost_model {
namespace {

const char* const missing = "Debian's mlir-15-tools and llvm-15 aren't installed";

TEST(MlirGenerator, GivesTheSameFunctionForASeed) {
  for (uint64_t seed = 1; seed < 30; ++seed) {
    const Generated made = generate(seed);
    EXPECT_EQ(made.text, generate(seed).text);
    EXPECT_NE(made.text, generate(seed + 1000).text);
    const Function function = parse_function(made.text, "generated");
    EXPECT_GE(function.operations.size(), 3u);
    for (const Operation& operation : function.operations) {
      for (const int64_t extent : operation.type.shape) EXPECT_LE(extent, 128);
    }
  }
  EXPECT_THROW(generate_motif("no-such-motif", 1), Error);
}

TEST(MlirGenerator, SentencesFitWhatModelsRead) {
  for (const std::string& motif : motif_names()) {
    const Function function = parse_function(generate_motif(motif, 3).text, motif);
    for (const Tokens variant : all_tokens()) {
      EXPECT_LE(static_cast<int64_t>(tokenise(function, {}, variant).size()) + 2,
                standard_length(variant));
    }
  }
}

TEST(MlirGenerator, FunctionsAreWhatMlirOptTakes) {
  const auto tools = find_toolchain();
  if (!tools) GTEST_SKIP() << missing;
  for (const std::string& motif : motif_names()) {
    EXPECT_EQ(verify(*tools, generate_motif(motif, 5).text), "") << motif;
  }
  for (uint64_t seed = 0; seed < 25; ++seed) {
    EXPECT_EQ(verify(*tools, generate(seed).text), "") << "seed " << seed;
  }
  EXPECT_EQ(verify(*tools, small_text), "");
  EXPECT_NE(verify(*tools, with(small_text, "tensor<4x8xf32>", "tensor<5x8xf32>")), "");
}

/// What mlir-opt prints, with other names, in a module, is the same sentence.
TEST(MlirGenerator, SentencesOutlastPrinting) {
  const auto tools = find_toolchain();
  if (!tools) GTEST_SKIP() << missing;
  EXPECT_EQ(verify(*tools, printed_text), "");
  const TemporaryFolder folder;
  for (const std::string& motif : motif_names()) {
    const std::string text = generate_motif(motif, 8).text;
    write_file(folder.at("in.mlir"), text);
    const hardware::Finished printed =
        hardware::run_program({tools->mlir_opt, folder.at("in.mlir")});
    ASSERT_EQ(printed.exit, 0) << printed.err;
    for (const Tokens variant : all_tokens()) {
      EXPECT_EQ(tokenise(parse_function(printed.out, "printed"), {}, variant),
                tokenise(parse_function(text, "written"), {}, variant))
          << motif;
    }
  }
}

/// Fusing a chain leaves fewer instructions, and what is read of it holds together.
TEST(MlirLowering, TakesFunctionsDownToLabels) {
  const auto tools = find_toolchain();
  if (!tools) GTEST_SKIP() << missing;
  const Labels plain = lower(*tools, small_text, {false, 1}).labels;
  const Labels fused = lower(*tools, small_text, {true, 1}).labels;
  for (const Labels& labels : {plain, fused}) {
    EXPECT_GE(labels.vector_registers, 1);
    EXPECT_LE(labels.vector_registers, 32);
    EXPECT_LE(labels.general_registers, 15);
    EXPECT_GT(labels.utilisation, 0);
    EXPECT_LE(labels.utilisation, 100);
    EXPECT_GT(labels.uops, labels.cycles / 10);
    EXPECT_GT(labels.run_cycles, 0);
  }
  EXPECT_LT(fused.uops, plain.uops);
  const Labels again = lower(*tools, small_text, {true, 1}).labels;
  EXPECT_EQ(again.run_cycles, fused.run_cycles);
  EXPECT_EQ(again.uops, fused.uops);
  try {
    lower(*tools, with(small_text, "tensor<4x8xf32>", "tensor<5x8xf32>"), {});
    ADD_FAILURE() << "a function that doesn't verify was lowered";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("mlir-opt-15"), std::string::npos) << error.what();
  }
}

/// Twice as many rows run twice as long.
TEST(MlirLowering, RunCyclesFollowTripCounts) {
  const auto tools = find_toolchain();
  if (!tools) GTEST_SKIP() << missing;
  const auto sum = [&](int64_t rows) {
    const std::string type = "tensor<" + std::to_string(rows) + "x64xf32>";
    const std::string text =
        "func.func @main(%a: " + type + ", %b: " + type + ") -> " + type +
        " {\n  %0 = linalg.init_tensor [" + std::to_string(rows) + ", 64] : " + type +
        "\n  %1 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, "
        "affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = "
        "[\"parallel\", \"parallel\"]} ins(%a, %b : " +
        type + ", " + type + ") outs(%0 : " + type +
        ") {\n  ^bb0(%x: f32, %y: f32, %z: f32):\n    %s = arith.addf %x, %y : f32\n    "
        "linalg.yield %s : f32\n  } -> " +
        type + "\n  return %1 : " + type + "\n}\n";
    return lower(*tools, text, {}).labels.run_cycles;
  };
  const double few = sum(100), many = sum(200);
  EXPECT_NEAR((many - few) / few, 1, 0.25);
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model
