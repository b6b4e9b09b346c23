#include <nlohmann/json.hpp>

#include "betimes/base/file.h"
#include "betimes/measure/profile.h"

namespace betimes::measure {
namespace {

nlohmann::json event(const std::string& name, const std::string& category, double start_ns,
                     double ns) {
  return {{"name", name},     {"cat", category}, {"ph", "X"}, {"ts", start_ns * 1e-3},
          {"dur", ns * 1e-3}, {"pid", 1},        {"tid", 1}};
}

void add_run(nlohmann::json& events, const Profile& profile, const std::vector<int64_t>& run,
             const std::string& label, double start) {
  events.push_back(event(label, "run", start, static_cast<double>(run.back())));
  double at = start;
  for (size_t i = 0; i < profile.steps.size(); ++i) {
    const StepTime& step = profile.steps[i];
    nlohmann::json entry = event(step.name, step.op, at, static_cast<double>(run[i]));
    entry["args"] = {{"op", step.op},
                     {"kernel", step.kernel},
                     {"precision", step.precision},
                     {"macs", step.macs},
                     {"bytes", step.bytes}};
    events.push_back(std::move(entry));
    at += static_cast<double>(run[i]);
  }
}

}  // namespace

void write_trace(const Profile& profile, const std::string& model, const std::string& path) {
  nlohmann::json events = nlohmann::json::array();
  events.push_back(
      {{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", model}}}});
  double start = 0;
  for (size_t i = 0; i < profile.timelines.size(); ++i) {
    const std::vector<int64_t>& run = profile.timelines[i];
    add_run(events, profile, run, "run " + std::to_string(i + 1), start);
    start += static_cast<double>(run.back());
  }
  const nlohmann::json trace = {{"traceEvents", std::move(events)},
                                {"displayTimeUnit", "ms"},
                                {"otherData", {{"model", model}}}};
  // Names come from model files and needn't be UTF-8; what isn't is replaced, not refused.
  write_file(path, trace.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace betimes::measure
