#include "betimes/report/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "betimes/cost/bundled_devices.h"
#include "betimes/graph/operator.h"
#include "betimes/judge/metric.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;

std::string count_range(int low, int high) {
  if (high < 0) return fmt::format("{} or more", low);
  return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
}

Catalog::Operator describe(const graph::Operator& op) {
  Catalog::Operator entry;
  entry.name = op.domain.empty() ? op.name : op.domain + "." + op.name;
  entry.inputs = count_range(op.min_inputs, op.max_inputs);
  entry.outputs = count_range(op.min_outputs, op.max_outputs);
  for (const graph::AttributeSpec& attribute : op.attributes) {
    entry.attributes.push_back(attribute.name);
  }
  std::sort(entry.attributes.begin(), entry.attributes.end());
  for (const DType type : op.types) entry.types.emplace_back(name(type));
  return entry;
}

Json entries_json(const std::vector<Catalog::Entry>& entries) {
  Json all = Json::array();
  for (const Catalog::Entry& entry : entries) {
    all.push_back({{"name", entry.name}, {"summary", entry.summary}});
  }
  return all;
}

std::string entries_text(const char* title, const std::vector<Catalog::Entry>& entries, int width) {
  std::string text = fmt::format("{}\n", title);
  for (const Catalog::Entry& entry : entries) {
    std::string label = fmt::format("  {:<20} ", entry.name);
    for (const std::string& line : detail::wrap(entry.summary, std::max(20, width - 23))) {
      text += fmt::format("{}{}\n", label, line);
      label.assign(23, ' ');
    }
  }
  return text;
}

std::string systems_text(const std::vector<Catalog::System>& systems, int width) {
  std::vector<Catalog::Entry> entries;
  for (const Catalog::System& system : systems) {
    entries.push_back(
        {system.name, fmt::format("{}{}: {} ({})", system.domain, system.learns ? ", learns" : "",
                                  system.summary, fmt::join(system.families, ", "))});
  }
  return entries_text("systems", entries, width);
}

std::string operators_text(const std::vector<Catalog::Operator>& operators, int width) {
  std::vector<std::string> names;
  for (const Catalog::Operator& op : operators) names.push_back(op.name);
  std::string text = fmt::format("operators ({}, of ONNX opsets 7 to 21)\n", names.size());
  for (const std::string& line :
       detail::wrap(fmt::format("{}", fmt::join(names, ", ")), std::max(20, width - 2))) {
    text += fmt::format("  {}\n", line);
  }
  return text;
}

Json systems_json(const std::vector<Catalog::System>& systems) {
  Json all = Json::array();
  for (const Catalog::System& system : systems) {
    all.push_back({{"name", system.name},
                   {"domain", system.domain},
                   {"families", system.families},
                   {"summary", system.summary},
                   {"learns", system.learns}});
  }
  return all;
}

std::string summary(const cost::Device& device) {
  const measure::Machine& m = device.machine;
  return fmt::format("{}, {}, {} thread{}; {}", m.cpu, m.isa, m.threads, m.threads == 1 ? "" : "s",
                     device.runtime);
}

}  // namespace

std::vector<std::string> catalog_parts() {
  return {"systems", "models", "devices", "metrics", "operators"};
}

Catalog make_catalog() {
  Catalog catalog;
  for (const cost::BundledDevice& each : cost::bundled_devices()) {
    const std::string name(each.name);
    catalog.devices.push_back({name, summary(cost::parse_device(std::string(each.text), name))});
  }
  for (const std::string& name : judge::metric_names()) {
    catalog.metrics.push_back({name, judge::make_metric(name)->summary()});
  }
  for (const graph::Operator* op : graph::operators().all()) {
    if (op->domain != "betimes") catalog.operators.push_back(describe(*op));
  }
  return catalog;
}

std::string render_json(const Catalog& catalog) {
  Json operators = Json::array();
  for (const Catalog::Operator& op : catalog.operators) {
    operators.push_back({{"name", op.name},
                         {"inputs", op.inputs},
                         {"outputs", op.outputs},
                         {"attributes", op.attributes},
                         {"types", op.types}});
  }
  const Json object = {{"systems", systems_json(catalog.systems)},
                       {"models", entries_json(catalog.models)},
                       {"devices", entries_json(catalog.devices)},
                       {"metrics", entries_json(catalog.metrics)},
                       {"operators", operators}};
  return object.dump(2) + "\n";
}

std::string render_text(const Catalog& catalog, int width, const std::string& part) {
  std::string text;
  const auto add = [&](const char* name, const std::string& what) {
    if (!part.empty() && part != name) return;
    text += (text.empty() ? "" : "\n") + what;
  };
  add("systems", systems_text(catalog.systems, width));
  add("models", entries_text("models", catalog.models, width));
  add("devices", entries_text("devices", catalog.devices, width));
  add("metrics", entries_text("metrics", catalog.metrics, width));
  add("operators", operators_text(catalog.operators, width));
  return text;
}

std::string render_markdown(const std::vector<Catalog::Operator>& operators) {
  std::string text =
      "| operator | inputs | outputs | attributes | types |\n|---|---|---|---|---|\n";
  for (const Catalog::Operator& op : operators) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", op.name, op.inputs, op.outputs,
                        fmt::join(op.attributes, ", "),
                        op.types.empty() ? "all" : fmt::format("{}", fmt::join(op.types, ", ")));
  }
  return text;
}

}  // namespace betimes::report
