#include "betimes/report/predicted_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "betimes/report/detail/fit_json.h"
#include "betimes/report/detail/result_json.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t dearest = 10;

double share(const PredictedCost& p, size_t step) {
  return p.prediction.steps[step].ms / p.prediction.p50;
}

Json node_json(const PredictedCost& p, size_t i) {
  const runtime::StepInfo& step = p.steps[i];
  const cost::StepPrediction& found = p.prediction.steps[i];
  Json node = {{"name", step.name},
               {"op", step.op},
               {"source", step.source},
               {"kernel", step.kernel},
               {"precision", step.precision},
               {"ms", found.ms},
               {"share", share(p, i)},
               {"method", found.model},
               {"roofline_ms", found.bound.ms},
               {"bound", found.bound.compute ? "compute" : "memory"}};
  if (!p.nearest.empty() && p.nearest[i].kernel) {
    const cost::KernelTime& near = *p.nearest[i].kernel;
    node["nearest"] = {{"op", near.op},
                       {"kernel", near.kernel},
                       {"ms", near.ms},
                       {"distance", p.nearest[i].distance}};
  }
  if (p.measured) node["measured_ms"] = p.measured->profile.steps[i].median_ms;
  return node;
}

Json object(const PredictedCost& p) {
  const cost::Prediction& found = p.prediction;
  Json nodes = Json::array();
  for (size_t i = 0; i < p.steps.size(); ++i) nodes.push_back(node_json(p, i));
  Json json = {{"model", p.model},
               {"device", p.device.name},
               {"latency_ms",
                {{"p50", found.p50},
                 {"p90", found.p90},
                 {"p99", found.p99},
                 {"low", found.low},
                 {"high", found.high},
                 {"level", found.level}}},
               {"method", found.method},
               {"notes", p.notes}};
  if (p.measured) {
    Json measured = Json::object();
    detail::add_latency(measured, p.measured->latency);
    measured["pace"] = p.measured->pace;
    measured["cold"] = p.measured->cold;
    measured["reasons"] = p.measured->reasons;
    json["measured"] = std::move(measured);
  }
  json["nodes"] = std::move(nodes);
  return json;
}

std::string wrapped(const std::string& text, int width) {
  std::string found;
  for (const std::string& line : detail::wrap(detail::printable(text), width - 4)) {
    found += fmt::format("  {}{}\n", found.empty() ? "" : "  ", line);
  }
  return found;
}

std::string device_line(const cost::Device& device) {
  const measure::Machine& m = device.machine;
  return fmt::format("{} ({}, {}, {} thread{}; {})", device.name, m.cpu, m.isa, m.threads,
                     m.threads == 1 ? "" : "s", device.runtime);
}

std::string latencies(const PredictedCost& p) {
  const cost::Prediction& found = p.prediction;
  const auto line = [](const char* label, double ms, const std::string& more) {
    return fmt::format("  {:<11}{:>11}{}{}\n", label, detail::format_ms(ms),
                       more.empty() ? "" : "   ", more);
  };
  std::string text = line("p50", found.p50,
                          fmt::format("{} to {}, {:.0f} % sure", detail::format_ms(found.low),
                                      detail::format_ms(found.high), 100 * found.level));
  text += line("p90", found.p90, cost::has_spread(p.device) ? "as its references scatter" : "");
  text += line("p99", found.p99, "");
  if (p.measured) {
    const measure::Latency& real = p.measured->latency;
    text += line(
        "measured", real.p50.value,
        fmt::format("{:+.1f} % of what was predicted", 100 * (real.p50.value / found.p50 - 1)));
  }
  return text;
}

std::string step_line(const PredictedCost& p, size_t i, int names) {
  const runtime::StepInfo& step = p.steps[i];
  const cost::StepPrediction& found = p.prediction.steps[i];
  const auto cell = [](const std::string& text, int width) {
    return detail::padded(detail::shorten(detail::printable(text), width - 1), width);
  };
  const int op = std::min(18, names / 3);
  std::string text =
      "  " + cell(step.name, names - op) + cell(step.op, op) +
      fmt::format("{:<5}{:>10} {:>4.0f} %  {:<9}{:>3.0f} % of {}", step.precision,
                  detail::format_ms(found.ms), 100 * share(p, i), std::string(found.model),
                  100 * found.bound.ms / found.ms, found.bound.compute ? "peak" : "bandwidth");
  if (p.measured) {
    const double real = p.measured->profile.steps[i].median_ms;
    text += fmt::format("  measured {} ({:+.0f} %)", detail::format_ms(real),
                        100 * (real / found.ms - 1));
  }
  return text + "\n";
}

std::string nearest_line(const PredictedCost& p, size_t i) {
  if (p.nearest.empty()) return "";
  const cost::Neighbour& near = p.nearest[i];
  if (!near.kernel) return "      nothing like it in the device's table\n";
  if (near.distance == 0) {
    return fmt::format("      in the table: {} by {}\n", detail::format_ms(near.kernel->ms),
                       detail::printable(near.kernel->kernel));
  }
  return fmt::format("      nearest in the table: {} by {}, extents up to {:.2f} times apart\n",
                     detail::format_ms(near.kernel->ms), detail::printable(near.kernel->kernel),
                     std::exp2(near.distance));
}

std::string step_table(const PredictedCost& p, int width) {
  std::vector<size_t> order(p.steps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (!p.explained) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return p.prediction.steps[a].ms > p.prediction.steps[b].ms;
    });
  }
  const size_t shown = p.explained ? order.size() : std::min(order.size(), dearest);
  const int names = std::clamp(width - 52, 30, 60);
  std::string text;
  double rest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i >= shown) {
      rest += p.prediction.steps[order[i]].ms;
      continue;
    }
    text += step_line(p, order[i], names);
    if (p.explained) text += nearest_line(p, order[i]);
  }
  if (shown < order.size()) {
    text += "  " + detail::padded(fmt::format("{} more steps", order.size() - shown), names + 5) +
            fmt::format("{:>10}\n", detail::format_ms(rest));
  }
  return text;
}

}  // namespace

std::string render_json(const PredictedCost& predicted) {
  return detail::dump(object(predicted), 2) + "\n";
}

std::string render_json(const std::vector<PredictedCost>& predicted) {
  Json all = Json::array();
  for (const PredictedCost& each : predicted) all.push_back(object(each));
  return detail::dump(all, 2) + "\n";
}

std::string render_text(const PredictedCost& p, int width) {
  width = std::clamp(width, 60, 160);
  std::string text = fmt::format("\n{}\n", detail::printable(p.model));
  text += wrapped("on " + device_line(p.device), width) + "\n";
  text += latencies(p);
  text += fmt::format("\n  by {}", p.prediction.method);
  if (p.prediction.method != "table") {
    text += fmt::format(", adapted to {} reference latencies", p.device.references.size());
  }
  text += "\n";
  for (const std::string& note : p.notes) text += wrapped(note, width);
  text += fmt::format("\nwhere the time goes ({} steps)\n\n", p.steps.size());
  text += step_table(p, width);
  if (p.measured) {
    text += "\nwhy they differ\n\n";
    for (const std::string& reason : p.measured->reasons) text += wrapped(reason, width);
  }
  return text + "\n";
}

std::string render_text(const std::vector<PredictedCost>& predicted, int width) {
  width = std::clamp(width, 60, 160);
  const int names = std::clamp(width - 62, 16, 60);
  std::string text = "\n";
  if (!predicted.empty()) text += wrapped("on " + device_line(predicted[0].device), width) + "\n";
  text += fmt::format("  {}{:>11}  {:<25}{:>11}  {}\n", detail::padded("model", names), "p50",
                      "interval", "p99", "by");
  for (const PredictedCost& p : predicted) {
    const cost::Prediction& found = p.prediction;
    text += fmt::format(
        "  {}{:>11}  {:<25}{:>11}  {}\n",
        detail::padded(detail::shorten(detail::printable(p.model), names - 1), names),
        detail::format_ms(found.p50),
        fmt::format("{} to {}", detail::format_ms(found.low), detail::format_ms(found.high)),
        detail::format_ms(found.p99), found.method);
  }
  if (!predicted.empty()) {
    text += fmt::format("\n  Intervals of the median, {:.0f} % sure.\n",
                        100 * predicted[0].prediction.level);
    for (const std::string& note : predicted[0].notes) text += wrapped(note, width);
  }
  return text + "\n";
}

}  // namespace betimes::report
