#include "bench/cost/real_models.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "bench/compare/made_models.h"
#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/cost/reference_set.h"
#include "betimes/import/onnx.h"

namespace betimes::bench {
namespace {

void add_model(const Model& model, std::vector<RealModel>& all) {
  const graph::Graph graph = import::read_onnx(model.file);
  all.push_back({model.name, "real", model.group, graph, model});
  try {
    all.push_back({model.name + ", int8", "real", model.group, in_int8(graph, model), model});
  } catch (const Error& error) {
    fmt::print(stderr, "{} in 8 bits: {}\n", model.name, error.what());
  }
}

}  // namespace

std::vector<RealModel> real_models(const std::string& list, const std::string& packages) {
  std::vector<RealModel> all;
  const TemporaryFolder made;
  write_made_models(made.path().string());
  const char* shared = std::getenv("BETIMES_SHARED");
  const Roots roots = {{"repository", BETIMES_SOURCE_DIR},
                       {"shared", shared ? shared : BETIMES_SOURCE_DIR "/../shared"},
                       {"packages", packages},
                       {"made", made.path().string()}};
  for (const Model& model : read_models(list, roots)) {
    if (std::filesystem::exists(model.file)) {
      add_model(model, all);
    } else {
      fmt::print(stderr, "{}: the file isn't here\n", model.name);
    }
  }
  for (const cost::ReferenceNet& net : cost::reference_nets()) {
    Model pattern;
    pattern.name = net.name;
    pattern.scale = 2;
    pattern.offset = -1;
    all.push_back({net.name, "reference", net.name, net.make(), pattern});
  }
  return all;
}

void fill_real(const runtime::Session& session, const Model& model) {
  for (const TensorView& input : session.inputs()) {
    if (input.type.dtype == DType::f32) fill_pattern(input, model);
  }
}

MeasuredNet net_of(const RealModel& model, const measure::Latency& latency) {
  MeasuredNet net;
  net.name = model.name;
  net.family = model.family;
  net.group = model.group;
  net.p50 = latency.p50.value;
  net.p90 = latency.p90.value;
  net.p99 = latency.p99.value;
  const std::vector<double>& samples = latency.samples_ms;
  const size_t middle = samples.size() / 2;
  net.halves[0] = median(std::span(samples).first(middle));
  net.halves[1] = median(std::span(samples).subspan(middle));
  return net;
}

cost::ReferenceLatency reference_of(const MeasuredNet& net, const measure::Latency& latency) {
  return {net.name, net.p50, net.p90, net.p99, latency.p50.low, latency.p50.high, latency.runs};
}

std::string today() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%FT%TZ}", fmt::gmtime(now));
}

}  // namespace betimes::bench
