#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "betimes/base/error.h"
#include "betimes/fit/calibrate.h"
#include "betimes/runtime/session.h"

namespace betimes::fit {
namespace {

constexpr size_t bin_count = 2048;

/// The graph with `values` as its only outputs.
graph::Graph exposing(const graph::Graph& source, const std::set<std::string>& values) {
  graph::Graph exposed = source;
  exposed.outputs.clear();
  for (const std::string& value : values) {
    exposed.outputs.push_back({value, DType::f32, std::nullopt});
  }
  graph::remove_dead(exposed);
  return exposed;
}

/// Calls `visit(output index, its values)` for every example.
void for_each_output(runtime::Session& session, const Tensor& inputs,
                     const std::function<void(size_t, std::span<const float>)>& visit_output) {
  const int64_t count = inputs.shape()[0];
  const size_t bytes = inputs.bytes() / static_cast<size_t>(std::max<int64_t>(count, 1));
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(session.inputs()[0].data, inputs.raw() + static_cast<size_t>(i) * bytes, bytes);
    session.run();
    for (size_t o = 0; o < session.outputs().size(); ++o) {
      const TensorView& output = session.outputs()[o];
      visit_output(o, {output.as<float>(), static_cast<size_t>(output.size())});
    }
  }
}

void widen(Distribution& seen, std::span<const float> values, const std::string& name) {
  for (const float value : values) {
    if (!std::isfinite(value)) {
      throw Error("value " + name, "isn't finite on the calibration examples");
    }
    seen.low = std::min(seen.low, value);
    seen.high = std::max(seen.high, value);
  }
}

void count(Distribution& seen, std::span<const float> values) {
  const float scale = static_cast<float>(bin_count) / std::max(seen.high - seen.low, 1e-30f);
  for (const float value : values) {
    const auto bin = static_cast<size_t>((value - seen.low) * scale);
    ++seen.bins[std::min(bin, bin_count - 1)];
  }
}

}  // namespace

std::map<std::string, Distribution> observe(const graph::Graph& graph,
                                            const std::set<std::string>& values,
                                            const Tensor& inputs, int threads) {
  std::map<std::string, Distribution> result;
  std::set<std::string> computed;
  for (const std::string& value : values) {
    // A graph input may itself be quantised; it can't be an output of the exposed graph as well.
    const bool is_input = std::any_of(graph.inputs.begin(), graph.inputs.end(),
                                      [&](const auto& input) { return input.name == value; });
    if (is_input) {
      Distribution& seen = result[value];
      seen.bins.assign(bin_count, 0);
      widen(seen, inputs.data<float>(), value);
      count(seen, inputs.data<float>());
    } else {
      computed.insert(value);
    }
  }
  if (computed.empty()) return result;
  runtime::CompileOptions options;
  options.threads = threads;
  runtime::Session session(runtime::compile(exposing(graph, computed), options));
  std::vector<Distribution> seen(computed.size());
  const std::vector<std::string> names(computed.begin(), computed.end());
  for_each_output(session, inputs,
                  [&](size_t o, std::span<const float> data) { widen(seen[o], data, names[o]); });
  for (Distribution& each : seen) each.bins.assign(bin_count, 0);
  for_each_output(session, inputs,
                  [&](size_t o, std::span<const float> data) { count(seen[o], data); });
  for (size_t i = 0; i < names.size(); ++i) result[names[i]] = std::move(seen[i]);
  return result;
}

}  // namespace betimes::fit
