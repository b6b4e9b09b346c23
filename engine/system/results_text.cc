#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/system/detail/indented.h"
#include "betimes/system/results.h"

namespace betimes::system {
namespace {

using detail::indented;

std::string format_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : std::string("-");
}

std::string format_cell(const Cell& cell) {
  const auto* text = std::get_if<std::string>(&cell);
  return text ? *text : format_number(std::get<double>(cell));
}

/// "0.912 AUC (0.905 to 0.919)"; the reason where nothing is shown.
std::string here(const Finding& finding) {
  if (finding.verdict == Verdict::not_shown) return "-";
  std::string text = format_number(finding.found.value);
  if (!finding.claim.unit.empty()) text += fmt::format(" {}", finding.claim.unit);
  if (finding.found.interval) {
    text += fmt::format(" ({} to {})", format_number(finding.found.interval->low),
                        format_number(finding.found.interval->high));
  }
  return text;
}

/// A cell of a Markdown table: no bars, no line ends.
std::string in_cell(std::string text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|') safe += '\\';
    safe += c == '\n' ? ' ' : c;
  }
  return safe;
}

std::string markdown_row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += fmt::format(" {} |", in_cell(cell));
  return row + "\n";
}

std::string markdown_table(const Table& table) {
  std::string text = markdown_row(table.columns) + "|";
  for (size_t i = 0; i < table.columns.size(); ++i) text += "---|";
  text += "\n";
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (const Cell& cell : row) cells.push_back(format_cell(cell));
    text += markdown_row(cells);
  }
  return text;
}

std::string text_table(const Table& table) {
  std::vector<size_t> widths;
  for (const std::string& column : table.columns) widths.push_back(column.size());
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], format_cell(row[i]).size());
    }
  }
  std::string text = table.title + "\n";
  const auto add_line = [&](const auto& cells, auto format) {
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
      text += i == 0 ? fmt::format("  {:<{}}", format(cells[i]), widths[i])
                     : fmt::format("  {:>{}}", format(cells[i]), widths[i]);
    }
    text += "\n";
  };
  add_line(table.columns, [](const std::string& cell) { return cell; });
  for (const auto& row : table.rows) add_line(row, format_cell);
  return text;
}

/// "AMD EPYC, 2 CPUs, avx512_vnni".
std::string machine_line(const Reproduction& found) {
  return fmt::format("{}, {} CPUs, {}, {} threads", found.machine.cpu, found.machine.cpus,
                     found.machine.isa, found.threads);
}

std::string run_line(const Reproduction& found) {
  std::string seeds;
  for (const uint64_t seed : found.seeds)
    seeds += fmt::format("{}{}", seeds.empty() ? "" : ", ", seed);
  return fmt::format("{} form, seed{} {}, {:.0f} s; {}; {}; commit {}",
                     found.quick ? "quick" : "full", found.seeds.size() == 1 ? "" : "s", seeds,
                     found.seconds, machine_line(found), found.date, found.commit);
}

}  // namespace

std::string render_text(const System& system, const Reproduction& found, int width) {
  std::string text = fmt::format("{}: {}\n", system.slug, system.title);
  text += fmt::format("  {}\n\n", run_line(found));
  for (const Finding& finding : found.findings) {
    text += indented(finding.claim.text, 2, width);
    if (!finding.claim.paper.empty()) text += indented("paper:   " + finding.claim.paper, 4, width);
    text += indented("here:    " + here(finding) + ", " + finding.claim.how, 4, width);
    text += indented(fmt::format("success: {}", criterion(finding.claim)), 4, width);
    text += indented(fmt::format("verdict: {}", name(finding.verdict)), 4, width);
    if (!finding.found.note.empty()) text += indented("note:    " + finding.found.note, 4, width);
    text += "\n";
  }
  for (const Table& table : found.tables) text += text_table(table) + "\n";
  for (const std::string& note : found.notes) text += indented(note, 2, width);
  return text;
}

std::string render_markdown(const std::vector<Recorded>& recorded) {
  std::string text =
      markdown_row({"system", "claim", "paper", "here", "success", "verdict", "date"});
  text += "|---|---|---|---|---|---|---|\n";
  for (const auto& [system, found] : recorded) {
    const std::string link =
        fmt::format("[{}](../systems/{}/{}/README.md)", system->slug, system->domain, system->slug);
    if (!found) {
      text += markdown_row({link, system->summary, "", "not run yet", "", "", ""});
      continue;
    }
    bool first = true;
    for (const Finding& finding : found->findings) {
      text += markdown_row({first ? link : "", finding.claim.text, finding.claim.paper,
                            here(finding), criterion(finding.claim), name(finding.verdict),
                            found->date.substr(0, 10) + (found->quick ? " (quick)" : "")});
      first = false;
    }
  }
  return text;
}

std::string render_page_part(const Recorded& recorded) {
  if (!recorded.found) {
    return fmt::format("Not run yet: `betimes reproduce {}`.\n", recorded.system->slug);
  }
  const Reproduction& found = *recorded.found;
  std::string text = fmt::format("`betimes reproduce {}{}`: {}.\n\n", found.slug,
                                 found.quick ? " --quick" : "", run_line(found));
  text += markdown_row({"claim", "paper", "measured", "here", "success", "verdict"});
  text += "|---|---|---|---|---|---|\n";
  for (const Finding& finding : found.findings) {
    std::string verdict = name(finding.verdict);
    if (!finding.found.note.empty()) verdict += ": " + finding.found.note;
    text += markdown_row({finding.claim.text, finding.claim.paper, finding.claim.how, here(finding),
                          criterion(finding.claim), verdict});
  }
  if (!found.pictures.empty()) {
    text += fmt::format("\n![{}](result.svg)\n", found.pictures.front().title);
  }
  for (const Table& table : found.tables) {
    text += fmt::format("\n**{}**\n\n{}", table.title, markdown_table(table));
  }
  if (!found.notes.empty()) text += "\n";
  for (const std::string& note : found.notes) text += fmt::format("- {}\n", note);
  return text;
}

}  // namespace betimes::system
