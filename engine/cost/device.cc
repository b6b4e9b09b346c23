#include "betimes/cost/device.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/cost/detail/json_number.h"
#include "betimes/cost/detail/kernel_json.h"
#include "betimes/cost/reference_set.h"

namespace betimes::cost {
namespace {

using Json = nlohmann::ordered_json;  // written in this order
using Parsed = nlohmann::json;

constexpr const char* format_name = "betimes-device";
constexpr int64_t format_version = 1;
constexpr size_t max_file_bytes = size_t{32} << 20;
constexpr size_t max_text = 400;
constexpr size_t max_references = 1000;
constexpr double max_ms = 1e9, max_rate = 1e9;
constexpr double least = 1e-9;  // of a time or a rate: below it, quotients overflow

/// One object of the file, read field by field.
class Fields {
 public:
  Fields(const Parsed& object, const std::string& where) : object_(object), where_(where) {
    if (!object.is_object()) throw Error(where, "isn't a JSON object", "a file of betimes probe");
  }

  bool has(const char* name) const { return object_.contains(name); }
  const Parsed& at(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) throw Error(where_, std::string("lacks ") + name);
    return *found;
  }
  std::string text(const char* name) const {
    const Parsed& value = at(name);
    if (!value.is_string()) refuse(name, "isn't text");
    std::string text = value.get<std::string>();
    const bool bad = std::any_of(text.begin(), text.end(),
                                 [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (text.size() > max_text || bad) refuse(name, "isn't one short line of text");
    return text;
  }
  int64_t whole(const char* name, int64_t low, int64_t high) const {
    const Parsed& value = at(name);
    const std::optional<int64_t> number = detail::whole_number(value, low, high);
    if (!number) {
      refuse(name, "is " + detail::shown(value),
             "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return *number;
  }
  double positive(const char* name, double high) const {
    const double value = number(name);
    if (!(value >= least && value <= high))
      refuse(name, "is " + detail::shown(at(name)), "more than 0");
    return value;
  }
  /// 0 where the device can't do that at all.
  double rate(const char* name) const {
    const double value = number(name);
    if (!(value >= 0 && value <= max_rate))
      refuse(name, "is " + detail::shown(at(name)), "0 or more");
    return value;
  }
  Fields object(const char* name) const { return {at(name), where_ + ", " + name}; }

  [[noreturn]] void refuse(const char* name, const std::string& what,
                           const std::string& expected = {}) const {
    throw Error(where_, std::string(name) + " " + what, expected);
  }

 private:
  double number(const char* name) const {
    const Parsed& value = at(name);
    if (!value.is_number()) refuse(name, "isn't a number");
    return value.get<double>();
  }

  const Parsed& object_;
  std::string where_;
};

ReferenceLatency parse_reference(const Parsed& object, const std::string& where) {
  const Fields fields(object, where);
  ReferenceLatency found;
  found.name = fields.text("name");
  found.p50 = fields.positive("p50_ms", max_ms);
  found.p90 = fields.positive("p90_ms", max_ms);
  found.p99 = fields.positive("p99_ms", max_ms);
  found.low = fields.positive("low_ms", max_ms);
  found.high = fields.positive("high_ms", max_ms);
  found.runs = fields.whole("runs", 1, INT64_MAX);
  const std::string at = where + " (" + found.name + ")";
  if (found.p50 > found.p90 || found.p90 > found.p99) {
    throw Error(at, "has percentiles that fall", "p50_ms <= p90_ms <= p99_ms");
  }
  if (found.low > found.p50 || found.high < found.p50) {
    throw Error(at, "has a median outside its interval", "low_ms <= p50_ms <= high_ms");
  }
  return found;
}

measure::Machine parse_machine(const Fields& fields, const Fields& roofline) {
  measure::Machine machine;
  machine.cpu = fields.text("cpu");
  machine.cpus = static_cast<int>(fields.whole("cpus", 1, 1 << 20));
  machine.isa = fields.text("isa");
  machine.threads = static_cast<int>(fields.whole("threads", 1, 1 << 20));
  machine.os = fields.text("os");
  machine.compiler = fields.text("compiler");
  machine.onednn = fields.text("onednn");
  machine.read_gb_per_s = roofline.positive("read_gb_per_s", max_rate);
  machine.peak_gflops_fp32 = roofline.positive("gflops_fp32", max_rate);
  machine.peak_gops_int8 = roofline.rate("gops_int8");
  machine.peak_gflops_bf16 = roofline.rate("gflops_bf16");
  return machine;
}

/// Predictions are made from these networks: one that is missing would silently count as another.
void check_set(const Device& device, const std::vector<ReferenceNet>& wanted,
               const std::string& where) {
  std::string missing;
  for (const auto& [name, stresses, make] : wanted) {
    const bool there =
        std::any_of(device.references.begin(), device.references.end(),
                    [&](const ReferenceLatency& reference) { return reference.name == name; });
    if (!there) missing += (missing.empty() ? "" : ", ") + name;
  }
  if (!missing.empty())
    throw Error(where, "lacks " + missing, "all networks of " + device.reference_set);
  for (size_t i = 0; i < device.references.size(); ++i) {
    const std::string& name = device.references[i].name;
    if (i < wanted.size() && name == wanted[i].name) continue;
    throw Error(where, "has '" + name + "' at place " + std::to_string(i + 1),
                i < wanted.size() ? wanted[i].name : "no more");
  }
}

Json reference_json(const ReferenceLatency& reference) {
  return {{"name", reference.name},  {"p50_ms", reference.p50}, {"p90_ms", reference.p90},
          {"p99_ms", reference.p99}, {"low_ms", reference.low}, {"high_ms", reference.high},
          {"runs", reference.runs}};
}

}  // namespace

Device parse_device(const std::string& text, const std::string& where) {
  const Parsed json = Parsed::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error(where, "isn't JSON", "a file of betimes probe");
  const Fields file(json, where);
  if (file.text("format") != format_name) {
    throw Error(where, "isn't a device file", "\"format\": \"betimes-device\"");
  }
  const int64_t version = file.whole("version", 1, 1'000'000);
  if (version != format_version) {
    throw Error(where, "is of version " + std::to_string(version),
                "version 1: probe the device with this program");
  }
  Device device;
  device.name = file.text("name");
  device.runtime = file.text("runtime");
  device.date = file.text("date");
  device.machine = parse_machine(file.object("machine"), file.object("roofline"));
  device.timer_ms = file.rate("timer_ms");
  const Fields references = file.object("references");
  device.reference_set = references.text("set");
  const Parsed& latencies = references.at("latencies");
  if (!latencies.is_array() || latencies.empty() || latencies.size() > max_references) {
    references.refuse("latencies", "isn't a list of reference latencies");
  }
  for (const Parsed& each : latencies) {
    const std::string place = std::to_string(device.references.size() + 1);
    device.references.push_back(parse_reference(each, where + ", reference " + place));
  }
  if (const auto* set = find_reference_set(device.reference_set)) {
    check_set(device, *set, where + ", references");
  }
  if (file.has("kernels"))
    device.kernels = detail::kernels_of(file.at("kernels"), where + ", kernels");
  return device;
}

Device read_device(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, max_file_bytes);
  return parse_device({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

std::string format_device(const Device& device) {
  const measure::Machine& m = device.machine;
  Json references = Json::array();
  for (const ReferenceLatency& each : device.references) references.push_back(reference_json(each));
  const Json file = {
      {"format", format_name},
      {"version", format_version},
      {"name", device.name},
      {"runtime", device.runtime},
      {"date", device.date},
      {"machine",
       {{"cpu", m.cpu},
        {"cpus", m.cpus},
        {"isa", m.isa},
        {"threads", m.threads},
        {"os", m.os},
        {"compiler", m.compiler},
        {"onednn", m.onednn}}},
      {"roofline",
       {{"read_gb_per_s", m.read_gb_per_s},
        {"gflops_fp32", m.peak_gflops_fp32},
        {"gops_int8", m.peak_gops_int8},
        {"gflops_bf16", m.peak_gflops_bf16}}},
      {"timer_ms", device.timer_ms},
      {"references", {{"set", device.reference_set}, {"latencies", std::move(references)}}}};
  std::string text = file.dump(1);
  if (!device.kernels.empty()) {
    // One line for all of it: indented, every cell would have its own.
    text.resize(text.rfind('\n'));
    text += ",\n \"kernels\": " + format_kernels(device.kernels) + "\n}";
  }
  return text + "\n";
}

void write_device(const Device& device, const std::string& path) {
  const std::string text = format_device(device);
  parse_device(text, path);
  write_file(path, text);
}

}  // namespace betimes::cost
