#include "systems/hardware/preroutgnn/circuits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/random.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/synthesise.h"
#include "systems/hardware/preroutgnn/testing.h"

namespace betimes::systems::preroutgnn {
namespace {

void expect_equal(const Circuit& a, const Circuit& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.levels, b.levels);
  EXPECT_EQ(a.level, b.level);
  EXPECT_EQ(a.pin_names, b.pin_names);
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.arrival, b.arrival);
  EXPECT_EQ(a.slew, b.slew);
  EXPECT_EQ(a.straight_arrival, b.straight_arrival);
  EXPECT_EQ(a.tree_arrival, b.tree_arrival);
  EXPECT_EQ(a.tree_slew, b.tree_slew);
  ASSERT_EQ(a.nets.size(), b.nets.size());
  for (size_t i = 0; i < a.nets.size(); ++i) {
    EXPECT_EQ(a.nets[i].sink, b.nets[i].sink);
    EXPECT_EQ(a.nets[i].dx, b.nets[i].dx);
    EXPECT_EQ(a.nets[i].delay, b.nets[i].delay);
  }
  ASSERT_EQ(a.arcs.size(), b.arcs.size());
  for (size_t i = 0; i < a.arcs.size(); ++i) {
    EXPECT_EQ(a.arcs[i].arc, b.arcs[i].arc);
    EXPECT_EQ(a.arcs[i].delay, b.arcs[i].delay);
  }
  ASSERT_EQ(a.endpoints.size(), b.endpoints.size());
  for (size_t i = 0; i < a.endpoints.size(); ++i) {
    EXPECT_EQ(a.endpoints[i].pin, b.endpoints[i].pin);
    EXPECT_EQ(a.endpoints[i].required, b.endpoints[i].required);
  }
}

TEST(PreRouteCircuits, StandInsAreLegalAndFollowTheSeed) {
  const CircuitSet set = stand_in_circuits(3, 3, 400), again = stand_in_circuits(3, 3, 400);
  ASSERT_EQ(set.training.size(), 2u);
  ASSERT_EQ(set.test.size(), 1u);
  for (size_t i = 0; i < 2; ++i) {
    check_circuit(set.training[i], set.arcs.size(), "stand-in");
    expect_equal(set.training[i], again.training[i]);
  }
  EXPECT_NE(set.training[0].arrival, set.training[1].arrival);
}

TEST(PreRouteCircuits, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const std::string path = data_file(folder.path().string());
  EXPECT_FALSE(data_present(folder.path().string()));
  const CircuitSet set = stand_in_circuits(4, 3, 300);
  write_circuits(path, set);
  EXPECT_TRUE(data_present(folder.path().string()));
  const CircuitSet read = read_circuits(path);
  EXPECT_EQ(read.technology, set.technology);
  ASSERT_EQ(read.arcs.size(), set.arcs.size());
  for (size_t i = 0; i < set.arcs.size(); ++i) {
    for (size_t t = 0; t < tables_per_arc; ++t) {
      EXPECT_EQ(read.arcs[i][t].rows, set.arcs[i][t].rows);
      EXPECT_EQ(read.arcs[i][t].row_axis, set.arcs[i][t].row_axis);
      EXPECT_EQ(read.arcs[i][t].column_axis, set.arcs[i][t].column_axis);
      EXPECT_EQ(read.arcs[i][t].values, set.arcs[i][t].values);
    }
  }
  for (size_t i = 0; i < 2; ++i) expect_equal(read.training[i], set.training[i]);
  expect_equal(read.test[0], set.test[0]);
}

TEST(PreRouteCircuits, RefusesWhatIsntLegal) {
  const CircuitSet set = stand_in_circuits(5, 2, 200);
  const Circuit good = set.training[0];
  const auto refused = [&](const auto& spoil) {
    Circuit bad = good;
    spoil(bad);
    EXPECT_THROW(check_circuit(bad, set.arcs.size(), "bad"), Error);
  };
  refused([](Circuit& c) { ++c.levels; });
  refused([](Circuit& c) { c.level.back() = 0; });
  refused([](Circuit& c) { c.arrival[3][1] = std::numeric_limits<float>::quiet_NaN(); });
  refused([](Circuit& c) { c.features[0][9] = std::numeric_limits<float>::infinity(); });
  refused([](Circuit& c) { c.nets[0].sink = static_cast<int32_t>(c.pins()); });
  refused([](Circuit& c) { c.nets[0].driver = -1; });
  refused([](Circuit& c) { c.nets.pop_back(); });
  refused([](Circuit& c) { c.nets.push_back(c.nets[0]); });
  refused([](Circuit& c) { std::swap(c.arcs[0].input, c.arcs[0].output); });
  refused([&](Circuit& c) { c.arcs[0].arc = static_cast<int32_t>(set.arcs.size()); });
  refused([](Circuit& c) { c.endpoints[0].pin = c.nets[0].driver; });
  refused([](Circuit& c) { c.endpoints.clear(); });
  refused([](Circuit& c) { c.slew.pop_back(); });
}

TEST(PreRouteCircuits, TakesOrRefusesAnyFile) {
  const TemporaryFolder folder;
  const std::string path = folder.at("set");
  write_circuits(path, stand_in_circuits(6, 2, 80));
  const std::vector<std::byte> bytes = read_file(path);
  const std::string good(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Random random(3);
  size_t refused = 0;
  for (int trial = 0; trial < 80; ++trial) {
    std::string bad = good.substr(0, trial % 4 == 0 ? random.below(good.size()) : good.size());
    for (int change = 0; change < 3 && !bad.empty(); ++change) {
      const size_t range = trial % 2 == 0 ? std::min<size_t>(bad.size(), 3000) : bad.size();
      bad[random.below(range)] = static_cast<char>(random.below(256));
    }
    write_file(path, bad);
    try {
      read_circuits(path);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 20u);
}

TEST(PreRouteDesigns, SubstitutesAsTheStandardSays) {
  EXPECT_EQ(aes_substitute(0x00), 0x63);
  EXPECT_EQ(aes_substitute(0x53), 0xed);
  EXPECT_EQ(aes_substitute(0xff), 0x16);
  EXPECT_EQ(all_designs(false).size(), 21u);
  EXPECT_THROW(risc_core(5), Error);
  EXPECT_THROW(array_multiplier(1), Error);
}

TEST(PreRouteCircuits, MapsDesigns) {
  if (!toolchain_present()) GTEST_SKIP() << "Debian's yosys or qflow-tech-osu018 isn't installed";
  EXPECT_THROW(synthesise(find_toolchain(), "module t(a); input a; nonsense", "t"), Error);
  MakeOptions options;
  options.quick = true;
  int64_t called = 0;
  options.progress = [&](const std::string&, int64_t done, int64_t designs) {
    EXPECT_EQ(done, ++called);
    EXPECT_EQ(designs, 6);
  };
  const CircuitSet set = make_circuits(options);
  EXPECT_EQ(called, 6);
  EXPECT_EQ(set.training.size(), 4u);
  EXPECT_EQ(set.test.size(), 2u);
  for (const Circuit& circuit : set.training) {
    check_circuit(circuit, set.arcs.size(), circuit.name);
    EXPECT_GT(circuit.pins(), 100u);
  }
}

}  // namespace
}  // namespace betimes::systems::preroutgnn
