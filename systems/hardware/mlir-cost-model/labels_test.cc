#include "systems/hardware/mlir-cost-model/labels.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// Written by hand after what llc-15 writes: a loop in a loop, with a block of each after the
/// inner.
const char* const assembly_text = R"(	.text
	.globl	main
	.type	main,@function
main:                                   # @main
.Lfunc_begin0:
	.cfi_startproc
# %bb.0:                                # %bb
	pushq	%rbp
	.cfi_def_cfa_offset 16
	movq	%rdi, 16(%rsp)                  # 8-byte Spill
	vxorps	%xmm0, %xmm0, %xmm0
	.p2align	4, 0x90
.LBB0_1:                                # %.preheader8
                                        # =>This Loop Header: Depth=1
                                        #     Child Loop BB0_2 Depth 2
	movl	%r8d, %eax
.LBB0_2:                                # %bb7
                                        #   Parent Loop BB0_1 Depth=1
                                        # =>  This Inner Loop Header: Depth=2
.Ltmp0:
	vmulps	-448(%rax,%r15,4), %zmm1, %zmm17 # some words
	vaddps	%ymm17, %ymm0, %ymm0
	jb	.LBB0_2
# %bb.3:                                #   in Loop: Header=BB0_1 Depth=1
	vmovaps	16(%rsp), %zmm1                 # 64-byte Folded Reload
	movb	%al, %cl
	jb	.LBB0_1
# %bb.4:
# %bb.5:                                # %bb9
	retq
.Lfunc_end0:
	.size	main, .Lfunc_end0-main
	movq	%r9, %r10
)";

TEST(MlirLabels, RegistersAndSpillsAreReadFromAssembly) {
  const Assembly found = read_assembly(assembly_text, "assembly");
  EXPECT_EQ(found.vector_registers, 3) << "0, 1 and 17, whatever their width";
  EXPECT_EQ(found.general_registers, 6) << "rbp, rdi, rax, r8, r15, rcx";
  EXPECT_EQ(found.spills, 1);
  EXPECT_EQ(found.reloads, 1);
}

TEST(MlirLabels, BlocksKnowTheirLoops) {
  const Assembly found = read_assembly(assembly_text, "assembly");
  using Names = std::vector<std::string>;
  ASSERT_EQ(found.blocks.size(), 5u) << "bb.4 has no instructions";
  EXPECT_EQ(found.blocks[0].loops, Names());
  EXPECT_EQ(found.blocks[1].loops, Names{".preheader8"});
  EXPECT_EQ(found.blocks[2].loops, (Names{".preheader8", "bb7"}));
  EXPECT_EQ(found.blocks[3].name, "bb.3");
  EXPECT_EQ(found.blocks[3].loops, Names{".preheader8"});
  EXPECT_EQ(found.blocks[4].loops, Names());
}

TEST(MlirLabels, RegionsAreMarkedAroundInstructions) {
  EXPECT_EQ(read_assembly(assembly_text, "assembly").marked,
            "# LLVM-MCA-BEGIN whole\n# LLVM-MCA-BEGIN bb.0\n\tpushq\t%rbp\n\tmovq\t%rdi, "
            "16(%rsp)\n\tvxorps\t%xmm0, %xmm0, %xmm0\n# LLVM-MCA-END bb.0\n.LBB0_1:\n"
            "# LLVM-MCA-BEGIN BB0_1\n\tmovl\t%r8d, %eax\n# LLVM-MCA-END BB0_1\n.LBB0_2:\n"
            "# LLVM-MCA-BEGIN BB0_2\n\tvmulps\t-448(%rax,%r15,4), %zmm1, %zmm17\n"
            "\tvaddps\t%ymm17, %ymm0, %ymm0\n\tjb\t.LBB0_2\n# LLVM-MCA-END BB0_2\n"
            "# LLVM-MCA-BEGIN bb.3\n\tvmovaps\t16(%rsp), %zmm1\n\tmovb\t%al, %cl\n\tjb\t.LBB0_1\n"
            "# LLVM-MCA-END bb.3\n# LLVM-MCA-BEGIN bb.5\n\tretq\n# LLVM-MCA-END bb.5\n"
            "# LLVM-MCA-END whole\n");
}

/// After what llvm-mca-15 writes, shortened.
std::string region_text(const std::string& name, int cycles, int uops) {
  return "[0] Code Region - " + name + "\n\nIterations:        100\nInstructions:      1200\n" +
         "Total Cycles:      " + std::to_string(cycles) +
         "\nTotal uOps:        " + std::to_string(uops) +
         "\n\nDispatch Width:    6\n\n\nResources:\n[0]   - SKXDivider\n[1]   - SKXFPDivider\n"
         "[2]   - SKXPort0\n[3]   - SKXPort1\n[4]   - SKXPort7\n\n\n"
         "Resource pressure per iteration:\n[0]    [1]    [2]    [3]    [4]    \n"
         "9.00    -     1.50   2.25    -     \n\nResource pressure by instruction:\n"
         "[0]    [1]    [2]    [3]    [4]    Instructions:\n"
         "9.00    -     1.50   7.25    -     pushq\t%rbp\n\n\n";
}

TEST(MlirLabels, FiguresAreReadFromReports) {
  const auto found =
      read_regions(region_text("whole", 1000, 1800) + region_text("BB0_1", 310, 200), "report");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found.at("whole").cycles, 10);
  EXPECT_EQ(found.at("whole").uops, 18);
  EXPECT_EQ(found.at("whole").busiest, 2.25) << "dividers aren't ports";
  EXPECT_EQ(found.at("BB0_1").cycles, 3.1);
  EXPECT_THROW(read_regions("", "report"), Error);
  EXPECT_THROW(read_regions(region_text("whole", 0, 1), "report"), Error);
  EXPECT_THROW(read_regions("[0] Code Region - whole\nIterations: 100\n", "report"), Error);
}

TEST(MlirLabels, TripCountsAreReadFromTheAnalysis) {
  const auto found = read_trip_counts(
      "Determining loop execution counts for: @main\n"
      "Loop %bb7: backedge-taken count is 5\nLoop %bb7: max backedge-taken count is 5\n"
      "Loop %.preheader8: backedge-taken count is 26\n"
      "Loop %bb9: Unpredictable backedge-taken count. \n"
      "Loop %bb10: backedge-taken count is (-1 + %0)\n");
  EXPECT_EQ(found, (std::map<std::string, double>{{"bb7", 6}, {".preheader8", 27}}));
}

TEST(MlirLabels, RunCyclesCountBlocksAsOftenAsTheyRun) {
  const Assembly assembly = read_assembly(assembly_text, "assembly");
  const std::map<std::string, Region> regions = {{"whole", {18, 10, 2.5}}, {"bb.0", {1, 3, 1}},
                                                 {"BB0_1", {1, 1, 1}},     {"BB0_2", {1, 4, 1}},
                                                 {"bb.3", {1, 2, 1}},      {"bb.5", {1, 5, 1}}};
  const Labels found = combine(assembly, regions, {{"bb7", 6}, {".preheader8", 10}}, "labels");
  EXPECT_EQ(found.run_cycles, 3 + 10 * 1 + 10 * 6 * 4 + 10 * 2 + 5);
  EXPECT_EQ(found.uops, 18);
  EXPECT_EQ(found.cycles, 10);
  EXPECT_EQ(found.utilisation, 25);
  EXPECT_THROW(combine(assembly, regions, {{"bb7", 6}}, "labels"), Error);
  EXPECT_THROW(combine(assembly, {}, {{"bb7", 6}, {".preheader8", 10}}, "labels"), Error);
}

TEST(MlirLabels, TextsOfOtherKindsAreRefused) {
  EXPECT_THROW(read_assembly("", "assembly"), Error);
  EXPECT_THROW(read_assembly("\t.text\n\tretq\n", "assembly"), Error);
  EXPECT_THROW(
      read_assembly("# %bb.0:\n# %bb.1:  # in Loop: Header=BB0_7 Depth=1\n\tretq\n", "assembly"),
      Error)
      << "a loop without a header";
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model
