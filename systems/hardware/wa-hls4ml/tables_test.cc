#include "systems/hardware/wa-hls4ml/tables.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/wa-hls4ml/generator.h"
#include "systems/hardware/wa-hls4ml/reuse.h"
#include "systems/hardware/wa-hls4ml/testing.h"

namespace betimes::systems::wa_hls4ml {
namespace {

const std::string header =
    "model_name,d_in,d_out,prec,rf,strategy,hls_synth_success,BestLatency_hls,WorstLatency_hls,"
    "IntervalMax_hls,FF_hls,LUT_hls,BRAM_18K_hls,DSP_hls\n";
const std::string good = "a,32,64,8,512,resource,True,513.0,514.0,512.0,641.0,6750.0,2.5,0.0\n";

std::string refusal(const std::string& text) {
  try {
    parse_table(text, "here");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(WaTables, AreReadByTheirColumns) {
  const auto samples = parse_table(header + good, "here");
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_TRUE(samples[0].measured);
  EXPECT_EQ(sizes_text(samples[0].network), "32-64");
  EXPECT_EQ(samples[0].network.layers[0].reuse, 512);
  EXPECT_EQ(samples[0].network.strategy, Strategy::resource);
  ASSERT_TRUE(samples[0].costs);
  EXPECT_EQ(*samples[0].costs, (Costs{514, 641, 6750, 2.5, 0, 512}));
}

TEST(WaTables, AFailureIsNotZero) {
  const auto samples = parse_table(header + "a,32,64,8,1,latency,False,,,,,,,\n" + good, "here");
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_FALSE(samples[0].costs.has_value());
  EXPECT_TRUE(samples[1].costs.has_value());
}

TEST(WaTables, DamagedOnesAreRefusedByLine) {
  EXPECT_EQ(refusal(header), "accepted");
  EXPECT_NE(refusal("").find("is empty"), std::string::npos);
  EXPECT_NE(refusal("d_in,d_out\n1,2\n").find("has no column prec"), std::string::npos);
  const auto refused = [](const std::string& row, const std::string& why) {
    const std::string found = refusal(header + good + row + "\n");
    EXPECT_NE(found.find("line 3"), std::string::npos) << found;
    EXPECT_NE(found.find(why), std::string::npos) << found;
  };
  refused("a,32,64,8,512,resource,True,513,514,512,641,6750,2,", "DSP_hls: '' isn't a number");
  refused("a,32,64,8,512,resource,True,,,,,,,", "isn't a number");
  refused("a,32,64,8,512,resource,False,513,514,512,641,6750,2,0", "though its synthesis failed");
  refused("a,32,64,8,512,resource,maybe,513,514,512,641,6750,2,0", "True or False");
  refused("a,32,64,8,512,area,True,513,514,512,641,6750,2,0", "'area' isn't known");
  refused("a,32,64,8,512,resource,True,513,-1,512,641,6750,2,0", "WorstLatency_hls is -1");
  refused("a,32,64,8,512,resource,True,513,nan,512,641,6750,2,0", "finite");
  refused("a,32,64,8,512,resource,True,513,514,512,641,6750,2", "has 13 fields");
  refused("a,32,64,40,512,resource,True,513,514,512,641,6750,2,0", "precision is 40");
  refused("a,-32,64,8,512,resource,True,513,514,512,641,6750,2,0", "input size is -32");
  refused("a,-1,64,8,512,resource,True,513,514,512,641,6750,2,0", "lacks a size");
  refused("a,32.5,64,8,512,resource,True,513,514,512,641,6750,2,0", "'32.5' isn't a number");
}

TEST(WaTables, BothFilesAreRead) {
  const TemporaryFolder folder;
  const std::string data = folder.path().string();
  EXPECT_FALSE(tables_present(data));
  EXPECT_FALSE(tables_present(""));
  EXPECT_THROW(read_tables(data), Error);
  std::filesystem::create_directories(folder.at("wa-hls4ml"));
  write_file(data + "/wa-hls4ml/resource_strategy.csv.gz", header + good);
  write_file(data + "/wa-hls4ml/latency_strategy.csv.gz",
             header + "a,32,64,8,1,latency,False,,,,,,,\n");
  EXPECT_TRUE(tables_present(data));
  EXPECT_EQ(read_tables(data).size(), 2u);
  const auto cycles = read_cycles(data);
  ASSERT_EQ(cycles.size(), 1u);
  EXPECT_EQ(cycles[0].best, 513);
}

/// The published tables: real failures, valid reuse factors, and the law that chains rest on.
TEST(WaTables, TheSharedOnesAreAsDescribed) {
  const std::string data = shared_data();
  if (!tables_present(data)) GTEST_SKIP() << "no wa-hls4ml/ below " << data;
  const auto samples = read_tables(data);
  EXPECT_EQ(samples.size(), 2351u);
  std::map<Strategy, size_t> synthesised;
  for (const Sample& sample : samples) {
    if (!sample.costs) continue;
    ++synthesised[sample.network.strategy];
    const Layer& layer = sample.network.layers[0];
    EXPECT_TRUE(valid_reuse(layer.in[0], layer.out[0], layer.reuse));
    EXPECT_GT(of(*sample.costs, Target::lut), 0);
  }
  EXPECT_EQ(synthesised[Strategy::resource], 787u);
  EXPECT_EQ(synthesised[Strategy::latency], 81u);
  size_t rows = 0, best = 0, worst = 0, interval = 0;
  for (const TableCycles& row : read_cycles(data)) {
    const int64_t reuse = row.network.layers[0].reuse;
    if (row.network.strategy != Strategy::resource || reuse == 1) continue;
    const Cycles law = chain_cycles(std::vector<int64_t>{reuse});
    ++rows;
    best += row.best == static_cast<double>(law.best);
    worst += row.worst == static_cast<double>(law.worst);
    interval += row.interval == static_cast<double>(law.interval);
  }
  EXPECT_EQ(rows, 759u);
  EXPECT_EQ(best, 718u);
  EXPECT_GT(worst, 700u);
  EXPECT_GT(interval, 700u);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml
