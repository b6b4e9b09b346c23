#include "betimes/measure/shapes.h"

namespace betimes::measure {

ShapeLatencies measure_shapes(runtime::DynamicSession& session,
                              const std::vector<std::map<std::string, Tensor>>& inputs,
                              const Options& options, uint64_t seed) {
  ShapeLatencies result;
  std::vector<std::function<void()>> runs;
  for (const auto& values : inputs) {
    ShapeLatency each;
    for (const auto& [name, value] : values) each.shapes[name] = value.shape();
    const double before = session.counts().compile_ms;
    session.run(values);
    each.compile_ms = session.counts().compile_ms - before;
    result.shapes.push_back(std::move(each));
    runs.emplace_back([&session, &values] { session.run(values); });
  }
  std::vector<Latency> latencies = measure_interleaved(runs, options, seed);
  for (size_t i = 0; i < latencies.size(); ++i) {
    result.shapes[i].latency = std::move(latencies[i]);
  }
  result.counts = session.counts();
  return result;
}

}  // namespace betimes::measure
