#include "betimes/system/results.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::system {
namespace {

System example() {
  System system;
  system.slug = "example";
  system.title = "An example";
  system.domain = "series";
  system.summary = "shows";
  system.claims = {{"a", "A | b.", "1", "how", Direction::at_least, 1, "x", true},
                   {"b", "B.", "", "how", Direction::at_most, 2, "", true}};
  return system;
}

Reproduction found() {
  Reproduction result;
  result.slug = "example";
  result.date = "2026-01-02T03:04Z";
  result.commit = "abc";
  result.machine.cpu = "A processor";
  result.machine.cpus = 2;
  result.machine.isa = "avx2";
  result.threads = 2;
  result.seeds = {1, 18446744073709551615u};
  result.seconds = 1.5;
  const System system = example();
  result.findings = {{system.claims[0], {3.5, Interval{3, 4}, 2, "synthetic"}, Verdict::reproduced},
                     {system.claims[1], {0, {}, 0, "no device"}, Verdict::not_shown}};
  result.tables = {
      {"Figures", {"variant", "m"}, {{std::string("x"), 1.25}, {std::string("y"), std::nan("")}}}};
  result.pictures = {{"It's a \"title\"",
                      "x",
                      "y",
                      true,
                      false,
                      {{"s", {1, 10, 100}, {1, std::nan(""), 3}, {0.5, 0, 2}, {2, 0, 4}, true}}}};
  result.notes = {"synthetic data"};
  return result;
}

TEST(Results, WhatWasWrittenIsReadBack) {
  const std::string text = render_json(found());
  const Reproduction again = parse_reproduction(text, "file");
  EXPECT_EQ(render_json(again), text);
  EXPECT_EQ(again.seeds, found().seeds);
  EXPECT_TRUE(std::isnan(std::get<double>(again.tables[0].rows[1][1])));
  EXPECT_TRUE(std::isnan(again.pictures[0].series[0].y[1]));
}

TEST(Results, DamagedFilesAreRefusedByName) {
  const std::string text = render_json(found());
  std::mt19937_64 random(1);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = text;
    const size_t at = random() % damaged.size();
    if (i % 2) {
      damaged[at] = static_cast<char>(random() % 128);
    } else {
      damaged.erase(at, 1 + random() % 40);
    }
    try {
      parse_reproduction(damaged, "file.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.where(), "file.json");
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Results, AClaimThatChangedNeedsANewRun) {
  const std::string folder = ::testing::TempDir();
  write_file(folder + "/example.json", render_json(found()));
  System system = example();
  EXPECT_TRUE(read_result(system, folder).found);
  system.claims[0].bound = 7;
  EXPECT_THROW(read_result(system, folder), Error);
  system.slug = "another";
  EXPECT_FALSE(read_result(system, folder).found);
}

TEST(Results, MarkdownTellsVerdictsAndEscapesBars) {
  const System system = example();
  const std::string table = render_markdown({{&system, found()}, {&system, {}}});
  EXPECT_NE(table.find("A \\| b."), std::string::npos) << table;
  EXPECT_NE(table.find("| 3.5 x (3 to 4) | >= 1 x | reproduced | 2026-01-02 |"), std::string::npos)
      << table;
  EXPECT_NE(table.find("can't be shown here"), std::string::npos);
  EXPECT_NE(table.find("not run yet"), std::string::npos);
  const std::string page = render_page_part({&system, found()});
  EXPECT_NE(page.find("can't be shown here: no device"), std::string::npos);
  EXPECT_NE(page.find("| x | 1.25 |"), std::string::npos);
  EXPECT_NE(page.find("| y | - |"), std::string::npos);
}

TEST(Results, TextKeepsToTheWidth) {
  const std::string text = render_text(example(), found(), 60);
  EXPECT_NE(text.find("verdict: reproduced"), std::string::npos);
  EXPECT_NE(text.find("synthetic data"), std::string::npos);
}

TEST(Results, PictureIsDrawn) {
  std::string svg;
  try {
    svg = render_picture(found());
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_NE(svg.find("It's a"), std::string::npos);
  EXPECT_EQ(svg, render_picture(found()));
  EXPECT_THROW(render_picture(Reproduction()), Error);
}

}  // namespace
}  // namespace betimes::system
