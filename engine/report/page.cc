#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "betimes/report/detail/histogram.h"
#include "betimes/report/detail/result_json.h"
#include "betimes/report/detail/summary.h"
#include "betimes/report/detail/text.h"
#include "betimes/report/html.h"
#include "embedded/chart_js.h"
#include "embedded/chart_licence_txt.h"
#include "embedded/chart_parts_js.h"
#include "embedded/charts_js.h"
#include "embedded/report_css.h"
#include "embedded/report_html.h"
#include "embedded/report_js.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += byte;
    }
  }
  return out;
}

/// Fills each {{name}} once, from left to right: what is filled in is never searched again.
std::string expand(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string out;
  for (;;) {
    const size_t start = page.find("{{");
    out += page.substr(0, start);
    if (start == std::string_view::npos) return out;
    const size_t end = page.find("}}", start);
    if (end == std::string_view::npos) throw std::logic_error("report: unfinished {{ in the page");
    out += values.at(page.substr(start + 2, end - start - 2));
    page.remove_prefix(end + 2);
  }
}

/// Keeps figures and their units on one line.
std::string with_firm_spaces(std::string text) {
  for (const std::string_view unit : {" ms", " %", "p50 ", "p90 ", "p99 ", " points"}) {
    const size_t space = unit.find(' ');
    for (size_t at = 0; (at = text.find(unit, at)) != std::string::npos; at += unit.size()) {
      text.replace(at + space, 1, "\u00a0");
    }
  }
  return text;
}

Json histogram_json(const fit::Result& result) {
  const detail::Histogram shown =
      detail::histogram(result.original.latency.samples_ms, result.fitted.latency.samples_ms);
  return {{"edges", shown.edges},
          {"original", shown.original},
          {"fitted", shown.fitted},
          {"original_beyond", shown.original_beyond},
          {"fitted_beyond", shown.fitted_beyond},
          {"logarithmic", shown.logarithmic}};
}

Json layers_json(const fit::Result& result) {
  Json rows = Json::array();
  for (const detail::Layer& layer : detail::layers(result)) {
    rows.push_back({{"name", layer.name},
                    {"op", layer.op},
                    {"precision_before", layer.precision_before},
                    {"precision_after", layer.precision_after},
                    {"before_ms", layer.before_ms},
                    {"after_ms", layer.after_ms}});
  }
  return rows;
}

Json groups_json(const fit::Result& result) {
  Json groups = Json::array();
  for (const auto& group : detail::group_changes(result)) {
    groups.push_back({{"title", group.title}, {"count", group.names.size()}});
  }
  return groups;
}

Json budget_line_json(const fit::Result& result) {
  const auto line = detail::budget_line(result);
  if (!line) return nullptr;
  return {{"statistic", line->statistic}, {"bound_ms", line->bound_ms}, {"p50_ms", line->p50_ms}};
}

/// What `fit --json` prints, and under "page" what only the page shows.
Json page_data(const fit::Result& result) {
  Json data = detail::result_json(result);
  const detail::Distance distance = detail::distance(result);
  data["page"] = {{"histogram", histogram_json(result)},
                  {"layers", layers_json(result)},
                  {"change_groups", groups_json(result)},
                  {"budget_line", budget_line_json(result)},
                  {"slower_than_fastest", distance.slower_than_fastest},
                  {"quality_lost", distance.quality_lost}};
  return data;
}

}  // namespace

std::string render_html(const fit::Result& result) {
  using detail::printable;
  const std::string headline = with_firm_spaces(detail::headline(result));
  return expand(embedded::report_html(),
                {{"title", escape_html("Betimes: " + printable(result.model))},
                 {"model", escape_html(printable(result.model))},
                 {"date", escape_html(printable(result.date))},
                 {"met", result.met ? "met" : "missed"},
                 {"met_words", result.met ? "Budget met" : "Budget not met"},
                 {"headline", escape_html(headline)},
                 {"verdict", escape_html(printable(result.verdict))},
                 {"text", escape_html(render_text(result, 100))},
                 {"css", std::string(embedded::report_css())},
                 {"chart_licence", std::string(embedded::chart_licence_txt())},
                 {"chart_library", std::string(embedded::chart_js())},
                 {"chart_parts_js", std::string(embedded::chart_parts_js())},
                 {"charts_js", std::string(embedded::charts_js())},
                 {"report_js", std::string(embedded::report_js())},
                 {"data", detail::dump_for_script(page_data(result))}});
}

}  // namespace betimes::report
