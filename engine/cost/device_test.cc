#include "betimes/cost/device.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

using Json = nlohmann::json;

Device sample() {
  Device device;
  device.name = "desk";
  device.runtime = "betimes 0.1.0";
  device.date = "2026-11-27T18:00Z";
  device.machine.cpu = "A processor";
  device.machine.cpus = 4;
  device.machine.isa = "avx2";
  device.machine.threads = 2;
  device.machine.read_gb_per_s = 20.5;
  device.machine.peak_gflops_fp32 = 100;
  device.machine.peak_gops_int8 = 200;
  device.timer_ms = 2e-5;
  device.reference_set = reference_set_name;
  for (const ReferenceNet& net : reference_nets()) {
    device.references.push_back({net.name, 1.5, 1.6, 2.5, 1.4, 1.55, 1000});
  }
  return device;
}

/// The sample's file after `change`, and why it is refused.
template <class Change>
std::string refusal(const Change& change) {
  Json json = Json::parse(format_device(sample()));
  change(json);
  try {
    parse_device(json.dump(), "x.device");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}
Json& first(Json& json) { return json["references"]["latencies"][0]; }

TEST(Device, IsReadAsItWasWritten) {
  const TemporaryFolder folder;
  write_device(sample(), folder.at("a.device"));
  const Device found = read_device(folder.at("a.device"));
  EXPECT_EQ(format_device(found), format_device(sample()));
  EXPECT_EQ(found.machine.threads, 2);
  EXPECT_EQ(found.references.size(), reference_nets().size());
  EXPECT_EQ(found.references[3].name, reference_nets()[3].name);
  EXPECT_EQ(found.references[3].high, 1.55);
}

TEST(Device, OtherSetsHaveTheirOwnNetworks) {
  Device device = sample();
  device.reference_set = "fbnet";
  device.references.resize(1);
  device.references[0].name = "3328";
  EXPECT_EQ(parse_device(format_device(device), "x").references[0].name, "3328");
}

TEST(Device, RefusesWhatIsBroken) {
  const auto remove = [](const char* name) { return [=](Json& j) { j.erase(name); }; };
  for (const char* name : {"name", "runtime", "date", "machine", "roofline", "references",
                           "timer_ms", "format", "version"}) {
    EXPECT_EQ(refusal(remove(name)), std::string("x.device: lacks ") + name);
  }
  EXPECT_EQ(refusal([](Json& j) { j["format"] = "other"; }),
            "x.device: isn't a device file (expected \"format\": \"betimes-device\")");
  EXPECT_EQ(refusal([](Json& j) { j["version"] = 2; }),
            "x.device: is of version 2 (expected version 1: probe the device with this program)");
  EXPECT_NE(refusal([](Json& j) { j["version"] = 18446744073709551615ull; }).find("whole number"),
            std::string::npos);
  EXPECT_EQ(refusal([](Json& j) { j = Json::array(); }),
            "x.device: isn't a JSON object (expected a file of betimes probe)");
  EXPECT_EQ(refusal([](Json& j) { j["name"] = "a\nb"; }),
            "x.device: name isn't one short line of text");
  EXPECT_EQ(refusal([](Json& j) { j["machine"]["threads"] = 0; }),
            "x.device, machine: threads is 0 (expected a whole number from 1 to 1048576)");
  EXPECT_EQ(refusal([](Json& j) { j["roofline"]["read_gb_per_s"] = -1; }),
            "x.device, roofline: read_gb_per_s is -1 (expected more than 0)");
  EXPECT_EQ(refusal([](Json& j) { j["roofline"]["gops_int8"] = "fast"; }),
            "x.device, roofline: gops_int8 isn't a number");
  EXPECT_THROW(parse_device("{", "x"), Error);
  EXPECT_THROW(parse_device("", "x"), Error);
  EXPECT_THROW(parse_device(std::string(100'000, '['), "x"), Error);
}

TEST(Device, RefusesTimesThatCanNotBe) {
  for (const Json& bad : {Json(0), Json(-1.5), Json(1e300)}) {
    EXPECT_NE(refusal([&](Json& j) { first(j)["p50_ms"] = bad; }).find("p50_ms is"),
              std::string::npos)
        << bad;
  }
  EXPECT_EQ(refusal([](Json& j) { first(j)["p50_ms"] = nullptr; }),
            "x.device, reference 1: p50_ms isn't a number");
  EXPECT_NE(refusal([](Json& j) { first(j)["p90_ms"] = 1; }).find("percentiles that fall"),
            std::string::npos);
  EXPECT_NE(refusal([](Json& j) { first(j)["low_ms"] = 2; }).find("outside its interval"),
            std::string::npos);
  EXPECT_NE(refusal([](Json& j) { first(j)["runs"] = 0; }).find("runs is 0"), std::string::npos);
}

TEST(Device, RefusesReferencesThatAreMissingOrOthers) {
  EXPECT_EQ(refusal([](Json& j) { j["references"]["latencies"].erase(9); }),
            "x.device, references: lacks residual (expected all networks of betimes-1)");
  EXPECT_EQ(refusal([](Json& j) { j["references"]["latencies"].clear(); }),
            "x.device, references: latencies isn't a list of reference latencies");
  EXPECT_EQ(refusal([](Json& j) { std::swap(first(j), j["references"]["latencies"][1]); }),
            "x.device, references: has 'lookup' at place 1 (expected dense)");
  EXPECT_EQ(refusal([](Json& j) {
              Json more = first(j);
              more["name"] = "other";
              j["references"]["latencies"].push_back(more);
            }),
            "x.device, references: has 'other' at place 11 (expected no more)");
}

TEST(Device, WritesNothingThatItWouldRefuse) {
  const TemporaryFolder folder;
  Device device = sample();
  device.references[0].p50 = 0;
  EXPECT_THROW(write_device(device, folder.at("a.device")), Error);
  EXPECT_FALSE(std::filesystem::exists(folder.at("a.device")));
}

}  // namespace
}  // namespace betimes::cost
