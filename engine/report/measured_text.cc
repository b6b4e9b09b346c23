#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/report/detail/runtime_facts.h"
#include "betimes/report/detail/text.h"
#include "betimes/report/measured.h"

namespace betimes::report {
namespace {

using measure::StepTime;

constexpr size_t dearest = 10;
constexpr int figures_width = 38;  // of a step's line behind its names

std::string wrapped(const std::string& sentence, int width) {
  std::string text;
  for (const std::string& line : detail::wrap(sentence, width - 2)) {
    text += fmt::format("  {}\n", line);
  }
  return text;
}

std::string latency_line(const std::string& label, const measure::Percentile& percentile) {
  return fmt::format("  {:<11}{:>11}   {} to {}\n", label, detail::format_ms(percentile.value),
                     detail::format_ms(percentile.low), detail::format_ms(percentile.high));
}

std::string latency_table(const measure::Latency& latency) {
  std::string text = fmt::format("  {:<11}{:>11}   95 % interval\n", "latency", "");
  text += latency_line("p50", latency.p50);
  text += latency_line("p90", latency.p90);
  text += latency_line("p99", latency.p99);
  const std::string asked = measure::percentile_name(latency.percentile);
  if (asked != "p50" && asked != "p90" && asked != "p99") {
    text += latency_line(asked, latency.asked);
  }
  text += fmt::format("  {:<11}{:>11}   ± {} median deviation\n", "mean",
                      detail::format_ms(latency.mean_ms), detail::format_ms(latency.deviation_ms));
  return text + fmt::format("  {:<11}{:>11}\n", "first run", detail::format_ms(latency.first_ms));
}

std::string verdict(const measure::Latency& latency) {
  std::string text =
      latency.valid
          ? fmt::format("Valid: {} runs after {} of warm-up; {} is below {} with 99 % confidence.",
                        latency.runs, latency.warmup_runs,
                        measure::percentile_name(latency.percentile),
                        detail::format_ms(latency.asked.bound))
          : fmt::format("Not valid: {}.", latency.invalid_reason);
  if (!latency.drift_stopped) text += " The machine still drifted when the warm-up's time was up.";
  return text;
}

std::string step_line(const StepTime& step, int names) {
  const int kernel = names / 3;
  const int op = std::min(18, names / 4);
  const std::string binds = step.bound.empty()
                                ? ""
                                : fmt::format("{:.0f} % of {}", 100 * step.peak_fraction,
                                              step.bound == "compute" ? "peak" : "bandwidth");
  const auto cell = [](const std::string& text, int width) {
    return detail::padded(detail::shorten(detail::printable(text), width - 1), width);
  };
  return "  " + cell(step.name, names - kernel - op) + cell(step.op, op) +
         cell(step.kernel, kernel) +
         fmt::format("{:<5}{:>10} {:>4.0f} %  {}\n", step.precision,
                     detail::format_ms(step.median_ms), 100 * step.share, binds);
}

std::string profile_table(const measure::Profile& profile, int width, bool every_step) {
  std::vector<size_t> order(profile.steps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (!every_step) {
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return profile.steps[a].median_ms > profile.steps[b].median_ms;
    });
  }
  const size_t shown = every_step ? order.size() : std::min(order.size(), dearest);
  const int names = std::clamp(width - 2 - figures_width, 36, 76);
  std::string text;
  double rest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const StepTime& step = profile.steps[order[i]];
    if (i < shown) {
      text += step_line(step, names);
    } else {
      rest += step.median_ms;
    }
  }
  const auto total = [&](const std::string& label, double ms) {
    text +=
        "  " + detail::padded(label, names + 5) + fmt::format("{:>10}\n", detail::format_ms(ms));
  };
  if (shown < order.size()) total(fmt::format("{} more steps", order.size() - shown), rest);
  total("between the steps", profile.overhead_ms);
  // What interrupts a run falls on one step here and on another there: on no step's median.
  const double scatter = profile.total_ms - profile.sum_ms;
  total("scatter between runs", std::fabs(scatter) < 5e-5 ? 0 : scatter);  // no "-0.0000"
  total("median of whole runs", profile.total_ms);
  return text;
}

std::string machine_lines(const measure::Machine& m, int width) {
  const std::string line =
      fmt::format("{}, {} of {} CPU{}, {}: {}; oneDNN {}, {}, {}", m.cpu, m.threads, m.cpus,
                  m.cpus == 1 ? "" : "s", m.isa, detail::peaks(m), m.onednn, m.compiler, m.os);
  return wrapped(detail::printable(line), width);
}

std::string shapes_of(const measure::ShapeLatency& each) {
  std::string text;
  for (const auto& [name, shape] : each.shapes) {
    text +=
        fmt::format("{}{}{}", text.empty() ? "" : ", ", detail::printable(name), to_string(shape));
  }
  return text;
}

std::string heading(const std::string& model, int threads, const std::string& isa) {
  return fmt::format("\n{}, {} thread{}, {}\n\n", detail::printable(model), threads,
                     threads == 1 ? "" : "s", isa);
}

std::string shape_table(const std::vector<measure::ShapeLatency>& shapes, int width) {
  const std::string asked =
      shapes.empty() ? "p99" : measure::percentile_name(shapes[0].latency.percentile);
  const int names = std::clamp(width - 40, 20, 60);
  std::string text;
  const auto line = [&](const std::string& shape, const std::string& p50, const std::string& high,
                        const std::string& compile) {
    text += fmt::format("  {}", detail::padded(detail::shorten(shape, names - 1), names));
    if (asked != "p50") text += fmt::format("{:>12}", p50);
    text += fmt::format("{:>12}{:>12}\n", high, compile);
  };
  line("shape", "p50", asked, "new shape");
  std::string invalid;
  for (const measure::ShapeLatency& each : shapes) {
    const measure::Latency& latency = each.latency;
    line(shapes_of(each), detail::format_ms(latency.p50.value),
         fmt::format("{}{}", detail::format_ms(latency.asked.value), latency.valid ? "" : "?"),
         each.compile_ms > 0 ? detail::format_ms(each.compile_ms) : "reused");
    if (!latency.valid) invalid = latency.invalid_reason;
  }
  if (invalid.empty()) return text;
  return text + fmt::format("\n{}", wrapped(fmt::format("? not valid: {}.", invalid), width));
}

}  // namespace

std::string render_text(const MeasuredShapes& measured, int width) {
  width = std::clamp(width, 60, 160);
  std::string text = heading(measured.model, measured.threads, measured.isa);
  text += shape_table(measured.found.shapes, width);
  std::string plans = fmt::format("Plans: {}", detail::counts_text(measured.found.counts));
  if (measured.huge_page_bytes)
    plans += fmt::format("; {}", detail::huge_pages_text(*measured.huge_page_bytes));
  text += fmt::format("\n{}", wrapped(plans + ".", width));
  return text + "\n";
}

std::string render_text(const Measured& measured, int width, bool every_step) {
  width = std::clamp(width, 60, 160);
  std::string text = heading(measured.model, measured.threads, measured.machine.isa);
  text += latency_table(measured.latency) + "\n";
  text += wrapped(verdict(measured.latency), width);
  text += fmt::format("\nwhere the time goes ({} profiled runs)\n\n", measured.profile.runs);
  text += profile_table(measured.profile, width, every_step);
  text += fmt::format("\nmemory\n\n{}", wrapped(detail::memory_text(measured.memory), width));
  return text + "\nmachine\n\n" + machine_lines(measured.machine, width) + "\n";
}

}  // namespace betimes::report
