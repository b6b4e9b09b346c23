#include "betimes/cost/bundled_devices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

TEST(BundledDevices, AreWholeAndNamed) {
  const auto& all = bundled_devices();
  EXPECT_GE(all.size(), 12u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const BundledDevice& each : all) {
    const Device device = open_device(std::string(each.name));
    EXPECT_NE(find_reference_set(device.reference_set), nullptr) << each.name;
    EXPECT_EQ(device.references.size(), 10u) << each.name;
    EXPECT_EQ(device.name, each.name);
  }
}

TEST(BundledDevices, AFileGoesFirst) {
  const TemporaryFolder folder;
  const std::string path = folder.at("desk.device");
  Device device = open_device(std::string(bundled_devices().at(0).name));
  device.name = "desk";
  write_device(device, path);
  EXPECT_EQ(open_device(path).name, "desk");
  EXPECT_THROW(open_device("desk"), Error);
}

}  // namespace
}  // namespace betimes::cost
