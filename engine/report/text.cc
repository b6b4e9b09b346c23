#include "betimes/report/detail/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/report/detail/summary.h"
#include "betimes/report/html.h"

namespace betimes::report {
namespace {

using namespace detail;  // NOLINT: this file is that namespace's terminal face

struct Row {
  std::string label, original, fitted, note;
};

/// Escape sequences of the few styles used; all empty without colour.
struct Style {
  std::string good, bad, bold, faint, reset;
};

Style make_style(bool colour) {
  if (!colour) return {};
  return {"\x1b[1;32m", "\x1b[1;31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"};
}

std::string bound_note(const fit::Result& result, const std::string& name) {
  std::string note;
  for (const auto& bound : result.budget.bounds) {
    if (bound.statistic != name) continue;
    const bool within = statistic(result.fitted.latency, name) <= bound.milliseconds;
    note += fmt::format("{}budget {} ms: {}", note.empty() ? "" : ", ",
                        format_short(bound.milliseconds, 4), within ? "within" : "over");
  }
  return note;
}

std::string percentile_note(const fit::Result& result, const std::string& name,
                            const measure::Percentile& percentile) {
  std::string note = bound_note(result, name);
  if (!percentile.valid && percentile.more_runs > 0) {
    note += fmt::format("{}not settled: {} more runs needed", note.empty() ? "" : "; ",
                        percentile.more_runs);
  }
  return note;
}

std::string speed_note(double before, double after) {
  if (!(before > 0) || !(after > 0)) return "";
  const double ratio = before / after;
  if (ratio >= 1) return format_ratio(ratio) + " faster";
  return format_ratio(1 / ratio) + " slower";
}

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + ", " + second;
}

std::string interval(const std::string& metric, const judge::Quality& quality) {
  if (quality.examples <= 0) return "";
  if (metric == "cosine") return fmt::format("{:.4f}..{:.4f}", quality.low, quality.high);
  return fmt::format("{:.2f}..{:.2f} %", 100 * quality.low, 100 * quality.high);
}

std::string change_interval(const fit::Result& result) {
  const double low = result.quality_change_low;
  const double high = result.quality_change_high;
  if (result.metric == "cosine") return fmt::format("{:+.4f} to {:+.4f}", low, high);
  return fmt::format("{:+.2f} to {:+.2f} points", 100 * low, 100 * high);
}

/// Nothing takes no time: zero says that it wasn't measured.
std::string measured_ms(double value) { return value > 0 ? format_ms(value) : "-"; }

std::string measured_quality(const std::string& metric, const judge::Quality& quality) {
  return quality.examples > 0 ? format_quality(metric, quality.value) : "-";
}

std::string prediction_note(const fit::Result& result) {
  const double measured = result.fitted.latency.p50.value;
  const double predicted = result.chosen.predicted_ms;
  if (!(measured > 0) || !std::isfinite(predicted)) return "";
  const double off = 100 * (predicted / measured - 1);
  return fmt::format("{:.1f} % {} what was measured", std::abs(off), off < 0 ? "below" : "above");
}

void add_latency_rows(const fit::Result& result, std::vector<Row>& rows) {
  const measure::Latency& before = result.original.latency;
  const measure::Latency& after = result.fitted.latency;
  const auto row = [&](const std::string& name, const measure::Percentile& old_value,
                       const measure::Percentile& new_value) {
    rows.push_back({"latency " + name, measured_ms(old_value.value), measured_ms(new_value.value),
                    joined(name == "p50" ? speed_note(old_value.value, new_value.value) : "",
                           percentile_note(result, name, new_value))});
  };
  row("p50", before.p50, after.p50);
  row("p90", before.p90, after.p90);
  row("p99", before.p99, after.p99);
  const std::string mean_note = bound_note(result, "mean");
  if (!mean_note.empty()) {
    rows.push_back(
        {"latency mean", measured_ms(before.mean_ms), measured_ms(after.mean_ms), mean_note});
  }
  if (!result.predicted_for.empty()) return;
  rows.push_back({"first run", measured_ms(before.first_ms), measured_ms(after.first_ms), ""});
  rows.push_back(
      {"predicted p50", "", measured_ms(result.chosen.predicted_ms), prediction_note(result)});
}

void add_quality_rows(const fit::Result& result, std::vector<Row>& rows) {
  const std::string& metric = result.metric;
  const judge::Quality& before = result.original.quality;
  const judge::Quality& after = result.fitted.quality;
  rows.push_back({printable(metric), measured_quality(metric, before),
                  measured_quality(metric, after),
                  after.examples > 0 ? format_quality_change(metric, result.quality_change) : ""});
  if (after.examples <= 0) return;
  rows.push_back({fmt::format("  {} % interval", format_short(100 * after.level, 1)),
                  interval(metric, before), interval(metric, after), change_interval(result)});
  if (metric == "top1" && result.agreement.examples > 0) {
    rows.push_back({"same answer", "", format_quality(metric, result.agreement.value),
                    "of the examples as the original"});
  }
}

void add_size_rows(const fit::Result& result, std::vector<Row>& rows) {
  const auto bytes = [](size_t count) {
    return count == 0 ? std::string("-") : format_bytes(static_cast<double>(count));
  };
  rows.push_back({"file", bytes(result.original.file_bytes), bytes(result.fitted.file_bytes), ""});
  std::string note;
  if (result.budget.memory) {
    note = fmt::format("budget {}: {}", format_bytes(static_cast<double>(*result.budget.memory)),
                       result.fitted.memory_bytes <= *result.budget.memory ? "within" : "over");
  }
  rows.push_back(
      {"memory", bytes(result.original.memory_bytes), bytes(result.fitted.memory_bytes), note});
}

/// Notes stand in a fourth column where they fit, else on a line of their own.
std::string table(const std::vector<Row>& rows, int width, const Style& style) {
  int label = 0, original = 8, fitted = 6;
  for (const Row& row : rows) {
    label = std::max(label, columns(row.label));
    original = std::max(original, columns(row.original));
    fitted = std::max(fitted, columns(row.fitted));
  }
  const int note = label + original + fitted + 6;
  std::string out = fmt::format("{}{}  {}  fitted{}\n", style.faint, padded("", label),
                                padded("original", original), style.reset);
  for (const Row& row : rows) {
    std::string line = fmt::format("{}  {}  {}", padded(row.label, label),
                                   padded(row.original, original), padded(row.fitted, fitted));
    line.erase(line.find_last_not_of(' ') + 1);
    if (row.note.empty()) {
      out += line + "\n";
    } else if (note + columns(row.note) <= width) {
      out += padded(line, note) + row.note + "\n";
    } else {
      out += line + "\n";
      for (const auto& part : wrap(row.note, width - 4)) out += "    " + part + "\n";
    }
  }
  return out;
}

/// "title  text", the text wrapped and hung under its first word.
std::string paragraph(const std::string& title, const std::string& text, int width,
                      const Style& style) {
  constexpr int indent = 9;
  std::string out;
  for (const auto& line : wrap(text, width - indent)) {
    const bool first = out.empty();
    out += fmt::format("{}{}{}{}\n", first ? style.faint : "", padded(first ? title : "", indent),
                       first ? style.reset : "", line);
  }
  return out;
}

std::string changes_text(const fit::Result& result, int width, const Style& style) {
  constexpr size_t shown = 6;
  std::string out;
  for (const ChangeGroup& group : group_changes(result)) {
    std::string text = printable(group.title);
    if (group.names.size() > 1 || group.title == "other") {
      text += " (";
      for (size_t i = 0; i < std::min(shown, group.names.size()); ++i) {
        text += (i == 0 ? "" : ", ") + shorten(printable(group.names[i]), 32);
      }
      if (group.names.size() > shown) text += fmt::format(", {} more", group.names.size() - shown);
      text += ")";
    }
    out += paragraph(out.empty() ? "changed" : "", text, width, style);
  }
  return out.empty() ? paragraph("changed", "nothing: the original is handed back", width, style)
                     : out;
}

std::string distance_text(const fit::Result& result) {
  const Distance found = distance(result);
  std::string text;
  if (std::isfinite(found.slower_than_fastest)) {
    const double slower = 100 * (found.slower_than_fastest - 1);
    text = slower < 0.05 ? "the fastest tried"
                         : fmt::format("{:.1f} % slower than the fastest tried ({})", slower,
                                       format_ms(result.fastest_ms));
  }
  if (std::isfinite(found.quality_lost)) {
    if (!text.empty()) text += "; ";
    text += found.quality_lost < 5e-5
                ? "as good as the best tried"
                : fmt::format("{} from the best tried ({})",
                              format_quality_change(result.metric, -found.quality_lost),
                              format_quality(result.metric, result.best_quality));
  }
  return text;
}

std::string opening(const fit::Result& result, int width, const Style& style) {
  std::string out = style.bold + shorten(printable(result.model), width) + style.reset + "\n";
  if (!result.task.empty()) out += paragraph("data", printable(result.task), width, style);
  const std::string budget = fit::to_string(result.budget);
  out +=
      paragraph("budget", budget + (result.budget_was_chosen ? " (the knee of the frontier)" : ""),
                width, style);
  out += paragraph(
      result.predicted_for.empty() ? "machine" : "device",
      fmt::format("{}{}, {}, {} {}",
                  result.predicted_for.empty()
                      ? ""
                      : fmt::format("{} (times are predicted): ", printable(result.predicted_for)),
                  printable(result.machine.cpu), printable(result.machine.isa), result.threads,
                  result.threads == 1 ? "thread" : "threads"),
      width, style);
  return out;
}

std::string closing(const fit::Result& result, int width, const Style& style) {
  std::string out = changes_text(result, width, style);
  const std::string distance = distance_text(result);
  if (!distance.empty()) out += paragraph("distance", distance, width, style);
  if (!result.artefact.empty()) {
    out += paragraph("model", printable(result.artefact), width, style);
  }
  if (!result.report.empty()) out += paragraph("report", printable(result.report), width, style);
  return out;
}

std::string verdict_text(const fit::Result& result, int width, const Style& style) {
  std::string out = result.met ? style.good : style.bad;
  for (const auto& line :
       wrap((result.met ? "Budget met: " : "Budget not met: ") + headline(result), width)) {
    out += line + "\n";
  }
  out += style.reset;
  for (const auto& line : wrap(printable(result.verdict), width)) out += line + "\n";
  return out;
}

}  // namespace

std::string render_text(const fit::Result& result, int width, bool colour) {
  width = std::clamp(width, 50, 120);
  const Style style = make_style(colour);
  std::vector<Row> rows;
  add_latency_rows(result, rows);
  add_quality_rows(result, rows);
  add_size_rows(result, rows);
  return opening(result, width, style) + "\n" + table(rows, width, style) + "\n" +
         closing(result, width, style) + "\n" + verdict_text(result, width, style);
}

}  // namespace betimes::report
