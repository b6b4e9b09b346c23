#include "bench/cost/samples.h"

#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/gzip.h"

namespace betimes::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t max_bytes = size_t{64} << 20;

}  // namespace

Samples read_samples(const std::string& path) {
  const Json json = Json::parse(read_gzip_text(path, max_bytes), nullptr, false);
  if (json.is_discarded()) throw Error(path, "isn't JSON", "a file of bench_cost collect");
  Samples samples;
  try {
    samples.device = cost::parse_device(json.at("device").dump(), path);
    for (const Json& each : json.at("nets")) {
      MeasuredNet net;
      each.at("name").get_to(net.name);
      each.at("family").get_to(net.family);
      each.at("group").get_to(net.group);
      each.at("p50").get_to(net.p50);
      each.at("p90").get_to(net.p90);
      each.at("p99").get_to(net.p99);
      each.at("halves").at(0).get_to(net.halves[0]);
      each.at("halves").at(1).get_to(net.halves[1]);
      net.kernels = cost::parse_kernels(each.at("kernels").dump(), path + ", " + net.name);
      samples.nets.push_back(std::move(net));
    }
  } catch (const Json::exception& error) {
    throw Error(path, error.what(), "a file of bench_cost collect");
  }
  return samples;
}

void write_samples(const Samples& samples, const std::string& path) {
  Json nets = Json::array();
  for (const MeasuredNet& net : samples.nets) {
    nets.push_back({{"name", net.name},
                    {"family", net.family},
                    {"group", net.group},
                    {"p50", net.p50},
                    {"p90", net.p90},
                    {"p99", net.p99},
                    {"halves", {net.halves[0], net.halves[1]}},
                    {"kernels", Json::parse(cost::format_kernels(net.kernels))}});
  }
  const Json json = {{"device", Json::parse(cost::format_device(samples.device))},
                     {"nets", std::move(nets)}};
  write_gzip_text(path, json.dump());
}

}  // namespace betimes::bench
