#include "betimes/cost/reference_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "betimes/base/error.h"
#include "betimes/cost/probe.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {
namespace {

TEST(ReferenceSet, IsTenNetworksWithNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const ReferenceNet& net : reference_nets()) {
    names.insert(net.name);
    EXPECT_EQ(net.make().name, net.name);
    EXPECT_FALSE(net.stresses.empty());
  }
  EXPECT_EQ(reference_nets().size(), 10u);
  EXPECT_EQ(names.size(), 10u);
}

/// Latencies of other devices and of years ago are of exactly this work.
TEST(ReferenceSet, NeverChangesUnderOneName) {
  uint64_t sum = 14695981039346656037ull;  // FNV-1a over structure and weights
  const auto add = [&](std::span<const std::byte> bytes) {
    for (const std::byte each : bytes)
      sum = (sum ^ std::to_integer<uint64_t>(each)) * 1099511628211ull;
  };
  for (const ReferenceNet& net : reference_nets()) {
    const graph::Graph graph = net.make();
    for (const graph::Node& node : graph.nodes) {
      add(std::as_bytes(std::span(node.op)));
      for (const std::string& input : node.inputs) add(std::as_bytes(std::span(input)));
      for (const auto& [name, value] : node.attributes) {
        add(std::as_bytes(std::span(name)));
        if (const auto* one = std::get_if<int64_t>(&value)) add(std::as_bytes(std::span(one, 1)));
        if (const auto* all = std::get_if<std::vector<int64_t>>(&value)) {
          add(std::as_bytes(std::span(*all)));
        }
      }
    }
    for (const auto& [name, tensor] : graph.constants) {
      add(std::as_bytes(std::span(tensor.shape())));
      // Of floats what doesn't hang on how a library rounds logarithms.
      if (tensor.dtype() != DType::f32) add({tensor.raw(), tensor.bytes()});
    }
  }
  EXPECT_EQ(sum, 17622516259636389160ull);
}

TEST(ReferenceSet, EveryNetworkRunsAndGivesNumbers) {
  for (const ReferenceNet& net : reference_nets()) {
    runtime::Session session(runtime::compile(net.make()));
    for (const TensorView& input : session.inputs()) {
      if (input.type.dtype == DType::f32) std::fill_n(input.as<float>(), input.size(), 0.5f);
    }
    session.run();
    for (const TensorView& output : session.outputs()) {
      for (int64_t i = 0; i < output.size(); ++i) {
        ASSERT_TRUE(std::isfinite(output.as<float>()[i])) << net.name;
      }
    }
    const auto& steps = session.plan().steps();
    if (net.name == "integer-convolution") {
      int integer = 0;
      for (const auto& step : steps) integer += step.precision == "int8";
      EXPECT_GE(integer, 2);
    }
  }
}

TEST(Probe, GivesADeviceThatIsAccepted) {
  ProbeOptions options;
  options.seconds = 0.5;
  options.name = "here";
  double done = 0;
  options.progress = [&](double fraction) { done = fraction; };
  Device device = probe(options);
  device.date = "2026-11-27T18:00Z";
  const Device back = parse_device(format_device(device), "here");
  EXPECT_EQ(back.name, "here");
  EXPECT_EQ(back.references.size(), 10u);
  EXPECT_GT(back.timer_ms, 0);
  EXPECT_GT(done, 0.5);
  options.seconds = 0;
  EXPECT_THROW(probe(options), Error);
}

}  // namespace
}  // namespace betimes::cost
