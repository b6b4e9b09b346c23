#include "betimes/report/detail/measure_json.h"

#include <nlohmann/json.hpp>

namespace betimes::report::detail {

using Json = nlohmann::ordered_json;

Json machine_json(const measure::Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cpus", machine.cpus},
          {"isa", machine.isa},
          {"threads", machine.threads},
          {"read_gb_per_s", machine.read_gb_per_s},
          {"peak_gflops_fp32", machine.peak_gflops_fp32},
          {"peak_gops_int8", machine.peak_gops_int8},
          {"peak_gflops_bf16", machine.peak_gflops_bf16},
          {"os", machine.os},
          {"compiler", machine.compiler},
          {"onednn", machine.onednn}};
}

Json steps_json(const measure::Profile& profile) {
  Json steps = Json::array();
  for (const measure::StepTime& step : profile.steps) {
    steps.push_back({{"name", step.name},
                     {"op", step.op},
                     {"kernel", step.kernel},
                     {"precision", step.precision},
                     {"median_ms", step.median_ms},
                     {"share", step.share},
                     {"macs", step.macs},
                     {"bytes", step.bytes},
                     {"peak_fraction", step.peak_fraction},
                     {"bound", step.bound}});
  }
  return steps;
}

}  // namespace betimes::report::detail
