#include "systems/hardware/help/tables.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/help/device.h"
#include "systems/hardware/help/testing.h"

namespace betimes::systems::help {
namespace {

/// Files as they are published, but short and not compressed.
class HelpTables : public testing::Test {
 protected:
  HelpTables() { std::filesystem::create_directories(folder_.at("help-nas-latency")); }

  std::string data() const { return folder_.path().string(); }
  void write(const std::string& name, const std::string& text) const {
    write_file(data() + "/help-nas-latency/" + name + ".csv.gz", text);
  }
  std::string refusal(SpaceName name) const {
    try {
      read_tables(data(), name);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  static std::string fbnet_rows(int count, const std::string& last = "8") {
    std::string text = "arch";
    for (int i = 0; i < 22; ++i) text += fmt::format(",b{}", i);
    for (int row = 0; row < count; ++row) {
      text += fmt::format("\n{}", row);
      for (int i = 0; i < 21; ++i) text += fmt::format(",{}", (row + i) % 9);
      text += "," + last;
    }
    return text + "\n";
  }

  TemporaryFolder folder_;
};

TEST_F(HelpTables, AreReadWithTheirArchitectures) {
  EXPECT_FALSE(tables_present(data(), SpaceName::fbnet));
  write("fbnet_archs", fbnet_rows(3));
  write("fbnet_latency", "arch,a,b\n0,1,2.5\n1,2,1\n2,3,1e-1\n");
  EXPECT_TRUE(tables_present(data(), SpaceName::fbnet));
  const Tables tables = read_tables(data(), SpaceName::fbnet);
  EXPECT_EQ(tables.architectures.count(), 3u);
  EXPECT_EQ(tables.architectures.width, 132);
  EXPECT_EQ(tables.macs.size(), 3u);
  EXPECT_EQ(tables.of("b"), (std::vector<double>{2.5, 1, 0.1}));
  EXPECT_THROW(tables.of("c"), Error);
}

TEST_F(HelpTables, CellsBecomeGraphs) {
  write("nasbench201_archs",
        "arch,arch_str\n0,|none~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|\n");
  write("nasbench201_latency", "arch,a\n0,1\n");
  const Tables tables = read_tables(data(), SpaceName::nasbench201);
  EXPECT_EQ(tables.architectures.nodes, cell_nodes);
  EXPECT_EQ(tables.architectures.count(), 1u);
  write("nasbench201_archs", "arch,arch_str\n0,|none~0|\n");
  EXPECT_NE(refusal(SpaceName::nasbench201).find("line 2"), std::string::npos);
}

TEST_F(HelpTables, DamagedFilesAreRefusedByLine) {
  write("fbnet_archs", fbnet_rows(2));
  const auto refused = [&](const std::string& latency, const std::string& why) {
    write("fbnet_latency", latency);
    EXPECT_NE(refusal(SpaceName::fbnet).find(why), std::string::npos) << refusal(SpaceName::fbnet);
  };
  refused("", "doesn't begin");
  refused("arch,a\n", "doesn't begin");
  refused("number,a\n0,1\n1,1\n", "doesn't begin");
  refused("arch,a\n0,1\n", "has 1 rows");
  refused("arch,a\n0,1\n2,1\n", "line 3");
  refused("arch,a\n0,1\n1,1,1\n", "line 3");
  refused("arch,a\n0,1\n1,-1\n", "positive");
  refused("arch,a\n0,1\n1,0\n", "positive");
  refused("arch,a\n0,1\n1,inf\n", "positive");
  refused("arch,a\n0,1\n1,fast\n", "isn't a number");
  refused("arch,a,a\n0,1,1\n1,1,1\n", "twice");
  write("fbnet_latency", "arch,a\n0,1\n1,1\n");
  EXPECT_EQ(refusal(SpaceName::fbnet), "accepted");
  write("fbnet_archs", fbnet_rows(2, "9"));
  EXPECT_NE(refusal(SpaceName::fbnet).find("line 2: block 21"), std::string::npos);
  write("fbnet_archs", "arch,b0\n0,1\n1,1\n");
  EXPECT_NE(refusal(SpaceName::fbnet).find("other columns"), std::string::npos);
}

TEST(HelpSplits, NoDeviceIsOnTwoSides) {
  for (const SpaceName name : {SpaceName::fbnet, SpaceName::nasbench201, SpaceName::ofa}) {
    const Space one = space(name);
    std::set<std::string> all;
    for (const auto* devices : {&one.source, &one.validation, &one.unseen}) {
      for (const std::string& device : *devices) EXPECT_TRUE(all.insert(device).second) << device;
    }
    EXPECT_EQ(one.references.size(), 10u);
  }
}

TEST(HelpSplits, TheSharedTablesHaveAllDevices) {
  for (const SpaceName name : {SpaceName::fbnet, SpaceName::nasbench201, SpaceName::ofa}) {
    if (!tables_present(shared_data(), name)) GTEST_SKIP() << "no tables below " << shared_data();
    const Tables tables = read_tables(shared_data(), name);
    EXPECT_EQ(tables.architectures.count(), name == SpaceName::nasbench201 ? 15'625u : 5000u);
    for (const auto* devices :
         {&tables.space.source, &tables.space.validation, &tables.space.unseen}) {
      for (const Device& device : make_devices(tables, *devices)) {
        EXPECT_EQ(device.embedding.size(), 10u);
        EXPECT_EQ(device.held.size(), 800u);
      }
    }
  }
}

TEST(HelpDevice, TheOuterTenthsAreLeftOut) {
  Tables tables = synthetic_tables(200, 3);
  const std::string name = "fpga";
  std::vector<double>& ms = tables.ms[name];
  for (size_t i = 0; i < ms.size(); ++i) ms[i] = 1 + static_cast<double>(i * 77 % 200);
  const Device device = make_device(tables, name);
  EXPECT_EQ(device.pool.size(), 128u);  // 160 without 16 at each end
  EXPECT_EQ(device.held.size(), 32u);
  for (size_t i = 1; i < device.pool.size(); ++i) {
    EXPECT_LT(ms[device.pool[i - 1]], ms[device.pool[i]]);
    EXPECT_LT(device.pool[i], 160u);
  }
  for (const size_t i : device.held) EXPECT_GE(i, 160u);
  EXPECT_FLOAT_EQ(device.labels[device.pool.front()], 0.05f);
  EXPECT_FLOAT_EQ(device.labels[device.pool.back()], 0.95f);
}

TEST(HelpDevice, BrokenMeasurementsAreRefused) {
  EXPECT_EQ(embedding_of(std::vector<double>{3, 1, 2}, "here"), (std::vector<float>{1, 0, 0.5f}));
  EXPECT_THROW(embedding_of(std::vector<double>{2, 2, 2}, "cached"), Error);
  EXPECT_THROW(embedding_of(std::vector<double>{2, 0}, "zero"), Error);
  EXPECT_THROW(embedding_of(std::vector<double>{2, -1}, "negative"), Error);
  EXPECT_THROW(embedding_of(std::vector<double>{2, NAN}, "nan"), Error);
  EXPECT_THROW(embedding_of(std::vector<double>{2}, "one"), Error);

  const auto refused = [](const std::function<void(std::vector<double>&)>& damage) {
    Tables tables = synthetic_tables(200, 3);
    damage(tables.ms["fpga"]);
    EXPECT_THROW(make_device(tables, "fpga"), Error);
  };
  refused([](std::vector<double>& ms) { ms.pop_back(); });
  refused([](std::vector<double>& ms) { ms[7] = 0; });
  refused([](std::vector<double>& ms) { ms.assign(ms.size(), 4); });
  Tables few = synthetic_tables(200, 3);
  few.space.pool = 200;
  EXPECT_THROW(make_device(few, "fpga"), Error);
}

}  // namespace
}  // namespace betimes::systems::help
