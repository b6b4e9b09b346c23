#include "betimes/report/device.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/statistics.h"
#include "betimes/cost/reference_set.h"
#include "betimes/report/detail/runtime_facts.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

constexpr int name_width = 22;

std::string stresses(const std::string& set, const std::string& name) {
  const auto* const found = cost::find_reference_set(set);
  if (!found) return "";
  const auto& nets = *found;
  const auto at = std::find_if(nets.begin(), nets.end(),
                               [&](const cost::ReferenceNet& net) { return net.name == name; });
  return at == nets.end() ? "" : at->stresses;
}

std::string row(const std::string& set, const cost::ReferenceLatency& reference, int width) {
  const std::string figures =
      fmt::format("  {}{:>11} {:>11}  ±{:>4.1f} %  ",
                  detail::padded(detail::shorten(detail::printable(reference.name), name_width - 1),
                                 name_width),
                  detail::format_ms(reference.p50), detail::format_ms(reference.p99),
                  50 * (reference.high - reference.low) / reference.p50);
  const int left = width - static_cast<int>(figures.size());
  return figures + (left > 20 ? detail::shorten(stresses(set, reference.name), left) : "") + "\n";
}

std::string line(const std::string& label, const std::string& text, int width) {
  std::string found;
  for (const std::string& part : detail::wrap(detail::printable(text), width - 10)) {
    found += detail::padded(found.empty() ? label : "", 10) + part + "\n";
  }
  return found;
}

}  // namespace

std::string render_text(const cost::Device& device, int width) {
  const measure::Machine& m = device.machine;
  std::string text = line("device", device.name, width);
  text +=
      line("machine",
           fmt::format("{}, {} of {} CPUs, {}, {}", m.cpu, m.threads, m.cpus, m.isa, m.os), width);
  text += line("runtime", fmt::format("{}, oneDNN {}, {}", device.runtime, m.onednn, m.compiler),
               width);
  text += line("at most", detail::peaks(m), width);
  text += line("measured", device.date, width);
  text += fmt::format("\n  {}{:>11} {:>11}  {:>8}\n",
                      detail::padded("reference network", name_width), "p50", "p99", "of p50");
  std::vector<double> tails;
  for (const cost::ReferenceLatency& reference : device.references) {
    text += row(device.reference_set, reference, width);
    tails.push_back(100 * (reference.p99 / reference.p50 - 1));
  }
  return text +
         fmt::format(
             "\nReading the clock adds {:.0f} ns.\nOver the networks, p99 is typically {:.0f} "
             "% above the median.\n",
             1e6 * device.timer_ms, median(tails));
}

}  // namespace betimes::report
