#include "betimes/report/detail/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "betimes/report/html.h"
#include "betimes/report/testing/synthetic_result.h"

namespace betimes::report {
namespace {

int widest(const std::string& text) {
  int most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) most = std::max(most, detail::columns(line));
  return most;
}

/// With every run of white space as one space, so that phrases are found across lines.
std::string flowing(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
  return out;
}

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return byte == '\n' || (byte >= ' ' && byte < '\x7f'); });
}

TEST(RenderText, ShowsBothVariantsAndEndsWithTheVerdict) {
  const std::string text = flowing(render_text(synthetic::result()));
  for (const char* part :
       {"latency p50", "latency p99", "2.3x faster", "top1", "93.52 %", "95 % interval",
        "predicted p50", "11 of 14 nodes: fp32 -> int8", "calibration: min-max -> entropy",
        "slower than the fastest tried", "from the best tried", "budget 0.8 ms: within",
        "synthetic.fitted.onnx", "Budget met: 2.3x faster, 0.09 points lost, p99 "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  }
  EXPECT_GT(text.find("Budget met"), text.find("latency p50"));
}

TEST(RenderText, KeepsToTheWidth) {
  for (const int width : {10, 50, 60, 80, 120}) {
    for (const auto& result : {synthetic::result(), synthetic::missed(), synthetic::hostile(),
                               synthetic::unlabelled(), fit::Result{}}) {
      EXPECT_LE(widest(render_text(result, width)), std::max(width, 50)) << width;
    }
  }
  EXPECT_LE(widest(render_text(synthetic::huge(), 80)), 80);
}

TEST(RenderText, IsPlainUnlessColourIsAsked) {
  EXPECT_TRUE(is_plain(render_text(synthetic::result())));
  EXPECT_TRUE(is_plain(render_text(synthetic::hostile())));
  const std::string coloured = render_text(synthetic::missed(), 80, true);
  EXPECT_NE(coloured.find("\x1b[1;31mBudget not met"), std::string::npos);
}

TEST(RenderText, SaysWhyTheBudgetIsMissed) {
  fit::Result result = synthetic::missed();
  EXPECT_NE(flowing(render_text(result)).find("over the 0.3 ms budget"), std::string::npos);
  EXPECT_NE(flowing(render_text(result)).find("412 more runs needed"), std::string::npos);
  result = synthetic::result();
  result.met = false;
  result.budget.quality_floor = 0.95;
  EXPECT_NE(flowing(render_text(result)).find("quality 93.52 % under the floor of 95.00 %"),
            std::string::npos);
  result.budget.quality_floor.reset();
  result.budget.memory = 500'000;
  EXPECT_NE(flowing(render_text(result, 120)).find("memory 840 kB over the 500 kB allowed"),
            std::string::npos);
}

TEST(RenderText, SpeaksOfAgreementWithoutLabels) {
  const std::string text = flowing(render_text(synthetic::unlabelled()));
  EXPECT_NE(text.find("same answer on 99.15 % of the examples"), std::string::npos) << text;
  EXPECT_NE(text.find("the knee of the frontier"), std::string::npos);
}

TEST(RenderText, ClaimsNothingThatWasNotMeasured) {
  const std::string text = flowing(render_text(synthetic::bare()));
  EXPECT_NE(text.find("speed not measured, quality not checked"), std::string::npos) << text;
  EXPECT_NE(text.find("nothing: the original is handed back"), std::string::npos);
  EXPECT_EQ(text.find("faster"), std::string::npos);
}

TEST(Headline, SaysSlowerAndGained) {
  fit::Result result = synthetic::result();
  result.fitted.latency.p50.value = 2 * result.original.latency.p50.value;
  result.quality_change = 0.01;
  EXPECT_NE(flowing(render_text(result)).find("2.0x slower, 1 point gained"), std::string::npos);
  result.fitted.latency.p50.value = result.original.latency.p50.value;
  result.quality_change = 0.00001;
  EXPECT_NE(flowing(render_text(result)).find("as fast as the original, no quality lost"),
            std::string::npos);
}

}  // namespace
}  // namespace betimes::report
