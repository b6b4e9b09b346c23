#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "betimes/report/html.h"
#include "betimes/report/testing/synthetic_result.h"

namespace betimes::report {
namespace {

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

std::string between(const std::string& text, const std::string& start, const std::string& end) {
  const size_t from = text.find(start);
  if (from == std::string::npos) return {};
  const size_t first = from + start.size();
  return text.substr(first, text.find(end, first) - first);
}

std::string data_of(const std::string& page) {
  return between(page, "<script type=\"application/json\" id=\"data\">", "</script>");
}

TEST(RenderHtml, HoldsThePageItsScriptsAndTheirLicence) {
  const std::string page = render_html(synthetic::result());
  EXPECT_EQ(page.find("<!DOCTYPE html>"), 0u);
  EXPECT_NE(page.find("Permission is hereby granted"), std::string::npos);
  EXPECT_NE(page.find("Chart.js v3"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.find("<link"), std::string::npos);
  EXPECT_EQ(page.find(" src="), std::string::npos);
  EXPECT_EQ(page.find("{{"), std::string::npos) << "something was left unfilled";
}

TEST(RenderHtml, EmbedsTheJsonObject) {
  const fit::Result result = synthetic::result();
  auto embedded = nlohmann::json::parse(data_of(render_html(result)));
  EXPECT_EQ(embedded["page"]["budget_line"]["statistic"], "p99");
  EXPECT_EQ(embedded["page"]["change_groups"][0]["count"], 11);
  EXPECT_EQ(embedded["page"]["layers"].size(), 15u);
  embedded.erase("page");
  EXPECT_EQ(embedded, nlohmann::json::parse(render_json(result)));
}

TEST(RenderHtml, NoNameLeavesItsPlace) {
  const std::string tame = render_html(synthetic::result());
  const fit::Result hostile = synthetic::hostile();
  const std::string page = render_html(hostile);
  for (const char* mark : {"<script", "</script>", "<!--", "\x1b"}) {
    EXPECT_EQ(count(page, mark), count(tame, mark)) << mark;
  }
  EXPECT_EQ(page.find("<img"), std::string::npos);
  const std::string title = between(page, "<title>", "</title>");
  EXPECT_EQ(title.find_first_of("<>\"'"), std::string::npos);
  EXPECT_NE(title.find("&lt;/script&gt;"), std::string::npos);
  // The placeholder in the name was not filled in with the data.
  EXPECT_NE(title.find("{{data}}"), std::string::npos);
  const auto data = nlohmann::json::parse(data_of(page));
  EXPECT_EQ(data["model"].get<std::string>().find("</script><script>"), 0u);
}

TEST(RenderHtml, TakesDegenerateResults) {
  for (const fit::Result& result : {fit::Result{}, synthetic::bare(), synthetic::missed()}) {
    EXPECT_TRUE(nlohmann::json::accept(data_of(render_html(result))));
  }
  fit::Result broken = synthetic::result();
  broken.fitted.latency.samples_ms = {std::numeric_limits<double>::quiet_NaN(), -1, 0,
                                      std::numeric_limits<double>::infinity()};
  broken.original.latency.samples_ms.clear();
  const auto data = nlohmann::json::parse(data_of(render_html(broken)));
  EXPECT_TRUE(data["page"]["histogram"]["edges"].empty());
}

TEST(RenderHtml, SaysWhetherTheBudgetIsMet) {
  EXPECT_NE(render_html(synthetic::result()).find("<span class=\"chip met\">Budget met"),
            std::string::npos);
  EXPECT_NE(render_html(synthetic::missed()).find("<span class=\"chip missed\">Budget not met"),
            std::string::npos);
}

TEST(RenderHtml, StaysSmallWithManyRuns) {
  const std::string few = render_html(synthetic::result({14, 36, 1000, 2.3}));
  const std::string many = render_html(synthetic::result({14, 36, 100000, 2.3}));
  EXPECT_LT(many.size(), few.size() + 10000);  // runs are counted into bins
}

}  // namespace
}  // namespace betimes::report
