// Opens rendered reports in headless Chromium. With BETIMES_REPORT_DIR set, the pages stay in that
// folder, to be looked at.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/report/html.h"
#include "betimes/report/testing/synthetic_result.h"

namespace betimes {
namespace {

namespace fs = std::filesystem;

std::string chromium() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser"}) {
    if (fs::exists(path)) return path;
  }
  return {};
}

std::string output_of(const std::string& command) {
  struct Close {
    void operator()(FILE* file) const { pclose(file); }
  };
  const std::unique_ptr<FILE, Close> pipe(popen(command.c_str(), "r"));
  if (!pipe) return {};
  std::string text;
  std::array<char, 65536> buffer;
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    text.append(buffer.data(), count);
  }
  return text;
}

/// The document after its scripts have run.
std::string opened(const fs::path& page, const fs::path& profile, int width) {
  return output_of(fmt::format(
      "HOME='{1}' timeout 120 '{0}' --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
      "--no-first-run --disable-background-networking --disable-component-update --disable-sync "
      "--disable-extensions --hide-scrollbars --user-data-dir='{1}' --window-size={2},1600 "
      "--virtual-time-budget=5000 --dump-dom 'file://{3}#selftest' 2>/dev/null",
      chromium(), profile.string(), width, page.string()));
}

std::string unescaped(std::string text) {
  const std::pair<const char*, const char*> entities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", " "}, {"&quot;", "\""}, {"&amp;", "&"}};
  for (const auto& [entity, plain] : entities) {
    for (size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at) {
      text.replace(at, std::string_view(entity).size(), plain);
    }
  }
  return text;
}

/// What the page says of itself, null when it says nothing.
nlohmann::json verdict_in(const std::string& document) {
  const size_t element = document.rfind("<pre id=\"selftest\"");
  if (element == std::string::npos) return nullptr;
  const size_t start = document.find('>', element) + 1;
  return nlohmann::json::parse(
      unescaped(document.substr(start, document.find("</pre>", start) - start)), nullptr, false);
}

struct Case {
  std::string name;
  fit::Result (*make)();
  int width = 1280;
  int charts = 4;  // how many have something to draw
};

class ReportInBrowser : public testing::TestWithParam<Case> {};

TEST_P(ReportInBrowser, ComesOutWhole) {
  if (chromium().empty()) GTEST_SKIP() << "chromium isn't installed (apt-get install chromium)";
  const Case& shown = GetParam();
  const TemporaryFolder folder;
  const char* keep = std::getenv("BETIMES_REPORT_DIR");
  const fs::path page =
      fs::absolute(keep ? fs::path(keep) : folder.path()) / (shown.name + ".html");
  fs::create_directories(page.parent_path());
  write_file(page.string(), report::render_html(shown.make()));

  const std::string document = opened(page, folder.path() / "profile", shown.width);
  ASSERT_NE(document, "") << "the browser gave nothing";
  const nlohmann::json verdict = verdict_in(document);
  ASSERT_TRUE(verdict.is_object()) << "the page's script did not reach its end";
  EXPECT_EQ(verdict["problems"], nlohmann::json::array());
  EXPECT_EQ(verdict["requests"], 0);
  EXPECT_EQ(verdict["overflow"], 0) << "something is wider than the window";
  EXPECT_EQ(verdict["scripts"], 6) << "a name became a script";
  int drawn = 0;
  for (const auto& chart : verdict["charts"]) {
    EXPECT_NE(chart["drawn"].get<bool>(), chart["hidden"].get<bool>()) << chart;
    drawn += chart["drawn"].get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(drawn, shown.charts);
  EXPECT_EQ(document.find("<img"), std::string::npos) << "a name became an element";
}

INSTANTIATE_TEST_SUITE_P(Results, ReportInBrowser,
                         testing::Values(Case{"met", [] { return synthetic::result(); }},
                                         Case{"narrow", [] { return synthetic::result(); }, 420},
                                         Case{"missed", synthetic::missed},
                                         Case{"unlabelled", synthetic::unlabelled},
                                         Case{"bare", synthetic::bare, 1280, 1},
                                         Case{"huge", synthetic::huge},
                                         Case{"hostile", synthetic::hostile}),
                         [](const auto& test) { return test.param.name; });

// The self-test must be able to fail: the same page with its data spoilt is not whole.
TEST(ReportInBrowser, NoticesAPageThatIsBroken) {
  if (chromium().empty()) GTEST_SKIP() << "chromium isn't installed (apt-get install chromium)";
  const TemporaryFolder folder;
  std::string page = report::render_html(synthetic::result());
  const std::string start = "const drawings = {";
  page.replace(page.find(start), start.size(), "console.error('spoilt'); const drawings = {");
  const fs::path path = folder.path() / "broken.html";
  write_file(path.string(), page);
  const nlohmann::json verdict = verdict_in(opened(path, folder.path() / "profile", 1280));
  ASSERT_TRUE(verdict.is_object());
  EXPECT_EQ(verdict["problems"], nlohmann::json::array({"spoilt"}));
}

}  // namespace
}  // namespace betimes
