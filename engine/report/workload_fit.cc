#include "betimes/report/workload_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "betimes/report/detail/fit_json.h"
#include "betimes/report/detail/measure_json.h"
#include "betimes/report/detail/result_json.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using namespace detail;  // NOLINT: this file is that namespace's face for workloads
using Json = nlohmann::ordered_json;

constexpr size_t points_shown = 12;

Json quality_json(const judge::Quality& quality) {
  Json object;
  add_quality(object, quality);
  return object;
}

Json fitted_json(const fit::FittedSetting& fitted) {
  Json object = {{"setting", setting_json(fitted.setting)}};
  add_latency(object, fitted.latency);
  add_quality(object, fitted.test);
  object["validation"] = quality_json(fitted.validation);
  object["memory_bytes"] = fitted.memory_bytes > 0 ? Json(fitted.memory_bytes) : Json(nullptr);
  return object;
}

Json tried_json(const fit::TriedSetting& tried) {
  const fit::Entry& entry = tried.entry;
  Json object = {{"setting", setting_json(entry.setting)},
                 {"quality", nullptr},
                 {"latency_ms", nullptr},
                 {"figures", Json::object()},
                 {"failure", entry.found ? Json(nullptr) : Json(entry.failure)},
                 {"seconds", entry.seconds},
                 {"on_frontier", tried.on_frontier},
                 {"finalist", tried.finalist},
                 {"chosen", tried.chosen}};
  if (entry.found) {
    object["quality"] = entry.found->quality;
    object["latency_ms"] = entry.found->latency_ms;
    for (const auto& [name, value] : entry.found->extra) object["figures"][name] = value;
  }
  return object;
}

double speedup(const fit::WorkloadFit& fit) {
  return fit.standard.latency.p50.value / fit.chosen.latency.p50.value;
}

std::string labelled(const std::string& label, const std::string& text, int width) {
  constexpr int indent = 10;
  std::string out;
  for (const std::string& line : wrap(text, width - indent)) {
    out += padded(out.empty() ? label : "", indent) + line + "\n";
  }
  return out;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

/// The note stands in a fourth column where it fits, else on a line of its own.
std::string row(const std::string& label, const std::string& standard, const std::string& chosen,
                const std::string& note, int width) {
  std::string line = padded(label, 16) + padded(standard, 16) + padded(chosen, 16);
  if (columns(line) + columns(note) <= width) return trimmed(line + note) + "\n";
  std::string out = trimmed(line) + "\n";
  for (const std::string& part : wrap(note, width - 4)) out += "    " + part + "\n";
  return out;
}

std::string latency_row(const fit::WorkloadFit& fit, const std::string& name,
                        measure::Percentile measure::Latency::*which, int width) {
  const measure::Percentile& before = fit.standard.latency.*which;
  const measure::Percentile& after = fit.chosen.latency.*which;
  std::string note;
  if (!after.valid && after.more_runs > 0) {
    note = fmt::format("not settled: {} more runs needed", after.more_runs);
  }
  return row("latency " + name, format_ms(before.value), format_ms(after.value), note, width);
}

std::string interval(const judge::Quality& quality) {
  return fmt::format("{:.4f}..{:.4f}", quality.low, quality.high);
}

std::string comparison(const fit::WorkloadFit& fit, int width) {
  const judge::Quality& before = fit.standard.test;
  const judge::Quality& after = fit.chosen.test;
  const double ratio = speedup(fit);
  std::string out = row("", "standard", "chosen", "", width);
  out += latency_row(fit, "p50", &measure::Latency::p50, width);
  out += latency_row(fit, "p90", &measure::Latency::p90, width);
  out += latency_row(fit, "p99", &measure::Latency::p99, width);
  if (std::isfinite(ratio) && ratio > 0) {
    const std::string faster =
        ratio >= 1 ? format_ratio(ratio) + " faster" : format_ratio(1 / ratio) + " slower";
    out += row("", "", faster, "", width);
  }
  out += row("quality", fmt::format("{:.4f}", before.value), fmt::format("{:.4f}", after.value),
             fmt::format("{:+.4f}, {} test examples", after.value - before.value, after.examples),
             width);
  out += row(fmt::format("  {} % interval", format_short(100 * after.level, 1)), interval(before),
             interval(after), "", width);
  if (fit.chosen.memory_bytes > 0) {
    out += row("memory", format_bytes(static_cast<double>(fit.standard.memory_bytes)),
               format_bytes(static_cast<double>(fit.chosen.memory_bytes)), "", width);
  }
  return out;
}

/// The frontier, fastest first; thinned out evenly where it is long.
std::string frontier(const fit::WorkloadFit& fit, int width) {
  std::vector<const fit::TriedSetting*> points;
  for (const fit::TriedSetting& tried : fit.tried) {
    if (tried.on_frontier) points.push_back(&tried);
  }
  std::sort(points.begin(), points.end(), [](const auto* a, const auto* b) {
    return a->entry.found->latency_ms < b->entry.found->latency_ms;
  });
  std::string out = "frontier  median, validation quality, setting\n";
  const size_t count = points.size();
  for (size_t i = 0; i < count; ++i) {
    // One of each twelfth of the list, and what must be seen.
    const bool first_of_part = i == 0 || i * points_shown / count != (i - 1) * points_shown / count;
    const bool kept = count <= points_shown || first_of_part || points[i]->chosen || i + 1 == count;
    if (!kept) continue;
    const fit::Outcome& found = *points[i]->entry.found;
    std::string line = fmt::format("  {} {:>10}  {:.4f}  ", points[i]->chosen ? '*' : ' ',
                                   format_ms(found.latency_ms), found.quality);
    line += shorten(printable(fit::to_string(points[i]->entry.setting)), width - columns(line));
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::string render_json(const fit::WorkloadFit& fit) {
  Json tried = Json::array();
  for (const fit::TriedSetting& each : fit.tried) tried.push_back(tried_json(each));
  const Json object = {{"problem", fit.problem},
                       {"search", fit.search},
                       {"objective", fit.objective},
                       {"budget", budget_json(fit.budget, fit.budget_was_chosen)},
                       {"met", fit.met},
                       {"verdict", fit.verdict},
                       {"standard", fitted_json(fit.standard)},
                       {"chosen", fitted_json(fit.chosen)},
                       {"speedup", speedup(fit)},
                       {"changes", fit.changes},
                       {"tried", std::move(tried)},
                       {"failed", fit.failed},
                       {"stopped", fit.stopped},
                       {"ledger", fit.ledger.empty() ? Json(nullptr) : Json(fit.ledger)},
                       {"ledger_note", fit.ledger_note},
                       {"machine", machine_json(fit.machine)},
                       {"seed", fit.seed},
                       {"seconds", fit.seconds}};
  return dump(object, 2) + "\n";
}

std::string render_text(const fit::WorkloadFit& fit, int width) {
  width = std::clamp(width, 50, 120);
  std::string out = labelled("workload", printable(fit.problem), width);
  out += labelled(
      "budget",
      fit::to_string(fit.budget) + (fit.budget_was_chosen ? " (the knee of the frontier)" : ""),
      width);
  std::string searched = fmt::format("{}, {} settings", printable(fit.search), fit.tried.size());
  if (fit.failed > 0) searched += fmt::format(", {} of which failed", fit.failed);
  out += labelled("search", searched + fmt::format("; seed {}; {}", fit.seed, fit.stopped), width);
  out +=
      labelled("machine",
               fmt::format("{}, {}, {} {}", printable(fit.machine.cpu), printable(fit.machine.isa),
                           fit.machine.threads, fit.machine.threads == 1 ? "thread" : "threads"),
               width);
  if (!fit.ledger.empty()) out += labelled("ledger", printable(fit.ledger), width);
  if (!fit.ledger_note.empty()) out += labelled("", printable(fit.ledger_note), width);
  out += fmt::format("\n{}\n", comparison(fit, width));
  std::string changes;
  for (const std::string& change : fit.changes) {
    changes += (changes.empty() ? "" : ", ") + printable(change);
  }
  out += labelled("changed", changes.empty() ? "nothing: the standard setting is kept" : changes,
                  width);
  out += fmt::format("\n{}\n", frontier(fit, width));
  const std::string verdict =
      (fit.met ? "Budget met. " : "Budget not met. ") + printable(fit.verdict);
  for (const std::string& line : wrap(verdict, width)) out += line + "\n";
  return out;
}

}  // namespace betimes::report
