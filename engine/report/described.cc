#include "betimes/report/described.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;
using graph::ValueInfo;
using runtime::StepInfo;

std::map<std::string, int> operator_counts(const graph::Graph& graph) {
  std::map<std::string, int> counts;
  for (const graph::Node& node : graph.nodes) ++counts[node.op];
  return counts;
}

double total_macs(const runtime::Plan& plan) {
  double sum = 0;
  for (const StepInfo& step : plan.steps()) sum += step.macs;
  return sum;
}

/// Extents as numbers, symbols as text, open ones as null; null when the rank is open.
Json shape_json(const ValueInfo& value) {
  if (!value.dims) return nullptr;
  Json shape = Json::array();
  for (const graph::Dim& dim : *value.dims) {
    if (dim.extent >= 0) {
      shape.push_back(dim.extent);
    } else {
      shape.push_back(dim.symbol.empty() ? Json(nullptr) : Json(dim.symbol));
    }
  }
  return shape;
}

Json values_json(const std::vector<ValueInfo>& values) {
  Json all = Json::array();
  for (const ValueInfo& value : values) {
    all.push_back({{"name", value.name},
                   {"dtype", std::string(name(value.dtype))},
                   {"shape", shape_json(value)}});
  }
  return all;
}

Json operators_json(const graph::Graph& graph) {
  Json all = Json::array();
  for (const auto& [op, count] : operator_counts(graph)) {
    all.push_back({{"op", op}, {"count", count}});
  }
  return all;
}

Json metadata_json(const graph::Graph& graph) {
  Json all = Json::array();
  for (const auto& [key, value] : graph.metadata) {
    all.push_back({{"key", key}, {"value", value}});
  }
  return all;
}

Json steps_json(const runtime::Plan& plan) {
  Json all = Json::array();
  for (const StepInfo& step : plan.steps()) {
    all.push_back({{"name", step.name},
                   {"op", step.op},
                   {"source", step.source},
                   {"kernel", step.kernel},
                   {"precision", step.precision},
                   {"refusals", step.refusals},
                   {"macs", step.macs},
                   {"bytes", step.bytes}});
  }
  return all;
}

std::string fact(const std::string& label, const std::string& value) {
  return fmt::format("  {:<12} {}\n", label, value);
}

std::string count(double number) {
  for (const auto& [size, unit] : {std::pair{1e9, " G"}, {1e6, " M"}, {1e3, " k"}}) {
    if (number >= size) return detail::format_short(number / size, 2) + unit;
  }
  return detail::format_short(number, 0);
}

std::string wrapped_fact(const std::string& label, const std::string& value, int width) {
  std::string text;
  for (const std::string& line : detail::wrap(detail::printable(value), width - 15)) {
    text += fact(text.empty() ? label : "", line);
  }
  return text;
}

std::string facts(const Described& d, int width) {
  std::string text;
  for (const ValueInfo& input : d.graph.inputs) {
    text += wrapped_fact("input", graph::to_string(input), width);
  }
  for (const ValueInfo& output : d.graph.outputs) {
    text += wrapped_fact("output", graph::to_string(output), width);
  }
  std::string ops;
  for (const auto& [op, number] : operator_counts(d.graph)) {
    ops += fmt::format("{}{} {}", ops.empty() ? "" : ", ", number, op);
  }
  text += wrapped_fact("operators", fmt::format("{} nodes: {}", d.graph.nodes.size(), ops), width);
  text += fact("parameters", count(static_cast<double>(parameter_count(d.graph))));
  text += fact("MACs", count(total_macs(*d.plan)));
  text += fact("file", detail::format_bytes(static_cast<double>(d.file_bytes)));
  return text +
         fact("memory",
              fmt::format("{} of packed weights, {} of activations",
                          detail::format_bytes(static_cast<double>(d.plan->memory().weights)),
                          detail::format_bytes(static_cast<double>(d.plan->memory().arena))));
}

std::string plan_summary(const Described& d) {
  std::map<std::string, int> precisions;
  for (const StepInfo& step : d.plan->steps()) ++precisions[step.precision];
  std::string text;
  for (const auto& [precision, number] : precisions) {
    text += fmt::format(", {} {}", number, precision);
  }
  return fact("plan", fmt::format("{} steps{}; {}, {} thread{}", d.plan->steps().size(), text,
                                  d.isa, d.plan->threads(), d.plan->threads() == 1 ? "" : "s"));
}

std::string step_lines(const Described& d, int width) {
  const int names = std::clamp(width / 3, 20, 48);
  const auto cell = [](const std::string& text, int columns) {
    return detail::padded(detail::shorten(detail::printable(text), columns - 1), columns);
  };
  std::string text = "\n";
  for (const StepInfo& step : d.plan->steps()) {
    text += "  " + cell(step.name, names) + cell(step.op, 20) + cell(step.precision, 6) +
            detail::printable(step.kernel) + "\n";
    if (step.refusals.empty()) continue;
    for (const std::string& line :
         detail::wrap(fmt::format("not {}", detail::printable(step.refusals)), width - 6)) {
      text += "      " + line + "\n";
    }
  }
  return text;
}

}  // namespace

int64_t parameter_count(const graph::Graph& graph) {
  int64_t sum = 0;
  for (const auto& [name, tensor] : graph.constants) {
    if (tensor.dtype() != DType::i64 && tensor.dtype() != DType::boolean) sum += tensor.size();
  }
  return sum;
}

std::string render_json(const Described& d) {
  const Json object = {{"model", d.model},
                       {"name", d.graph.name},
                       {"file_bytes", d.file_bytes},
                       {"inputs", values_json(d.graph.inputs)},
                       {"outputs", values_json(d.graph.outputs)},
                       {"nodes", d.graph.nodes.size()},
                       {"operators", operators_json(d.graph)},
                       {"parameters", parameter_count(d.graph)},
                       {"macs", total_macs(*d.plan)},
                       {"weight_bytes", d.plan->memory().weights},
                       {"activation_bytes", d.plan->memory().arena},
                       {"threads", d.plan->threads()},
                       {"isa", d.isa},
                       {"metadata", metadata_json(d.graph)},
                       {"steps", steps_json(*d.plan)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_text(const Described& d, int width, bool verbose) {
  width = std::clamp(width, 60, 160);
  std::string text = fmt::format("\n{}", detail::printable(d.model));
  if (!d.graph.name.empty() && d.graph.name != d.model) {
    text += fmt::format(" ({})", detail::printable(d.graph.name));
  }
  text += "\n\n" + facts(d, width) + plan_summary(d);
  for (const auto& [key, value] : d.graph.metadata) {
    text += fmt::format("\n{}", fact("metadata", detail::printable(key)));
    text += wrapped_fact("", value, width);
  }
  if (verbose) text += step_lines(d, width);
  return text + "\n";
}

}  // namespace betimes::report
