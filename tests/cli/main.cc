// Runs the built program on the command lines in cases/*.txt, each as one test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <regex>

#include "tests/cli/case.h"
#include "tests/cli/fixture.h"
#include "tests/cli/process.h"

namespace betimes::test {
namespace {

namespace fs = std::filesystem;

const char* const program = BETIMES_PROGRAM;

std::vector<std::string> command(const std::string& text) {
  std::vector<std::string> words = split_command(text);
  words.insert(words.begin(), program);
  return words;
}

bool matches(const std::string& text, const std::string& pattern) {
  return std::regex_search(text,
                           std::regex(pattern, std::regex::ECMAScript | std::regex::multiline));
}

class CliTest : public testing::Test {
 public:
  explicit CliTest(Case c) : case_(std::move(c)) {}

  void TestBody() override {
    SCOPED_TRACE(case_.file + ":" + std::to_string(case_.line));
    if (!case_.needs.empty() && !fs::exists(BETIMES_SOURCE_DIR "/" + case_.needs)) {
      GTEST_SKIP() << case_.needs << " isn't here";
    }
    Outcome outcome;
    for (size_t i = 0; i < case_.commands.size(); ++i) {
      outcome = run_process(command(case_.commands[i]), place_.path(), case_.environment);
      if (i + 1 < case_.commands.size()) {
        ASSERT_EQ(outcome.exit, 0) << outcome.err;
      }
    }
    judge(outcome);
  }

 private:
  void judge(const Outcome& outcome) const {
    EXPECT_EQ(outcome.exit, case_.exit) << outcome.out << outcome.err;
    for (const std::string& pattern : case_.out) {
      EXPECT_TRUE(matches(outcome.out, pattern)) << pattern << "\nisn't in\n" << outcome.out;
    }
    for (const std::string& pattern : case_.out_not) {
      EXPECT_FALSE(matches(outcome.out, pattern)) << pattern << "\nis in\n" << outcome.out;
    }
    for (const std::string& pattern : case_.err) {
      EXPECT_TRUE(matches(outcome.err, pattern)) << pattern << "\nisn't in\n" << outcome.err;
    }
    for (const std::string& file : case_.files) {
      EXPECT_TRUE(fs::exists(place_.path() + "/" + file)) << file;
    }
    if (outcome.exit == 2) expect_clear(outcome);
    if (!case_.json.empty()) {
      EXPECT_EQ(key_paths(outcome.out),
                key_paths(documented_json(BETIMES_SOURCE_DIR "/docs/json.md", case_.json)));
    }
  }

  /// Bad input: one line that begins with the program's name, and no result.
  void expect_clear(const Outcome& outcome) const {
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("betimes: ")) << outcome.err;
  }

  Case case_;
  Workplace place_;
};

/// gtest wants names of letters, digits and underscores.
std::string identifier(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return text;
}

void add_cases() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(BETIMES_SOURCE_DIR "/tests/cli/cases")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    for (const Case& c : read_cases(file.string())) {
      testing::RegisterTest(identifier(file.stem().string()).c_str(), identifier(c.name).c_str(),
                            nullptr, nullptr, c.file.c_str(), c.line,
                            [c]() -> CliTest* { return std::make_unique<CliTest>(c).release(); });
    }
  }
}

std::vector<std::string> verb_names() {
  const Workplace place;
  const std::string help = run_process({program, "--help"}, place.path()).out;
  const std::string list = help.substr(std::min(help.size(), help.find("Subcommands:")));
  std::vector<std::string> names;
  const std::regex line("^  ([a-z]+) ", std::regex::ECMAScript | std::regex::multiline);
  for (std::sregex_iterator at(list.begin(), list.end(), line), end; at != end; ++at) {
    names.push_back((*at)[1]);
  }
  return names;
}

TEST(Examples, ThoseInTheHelpRun) {
  const std::vector<std::string> verbs = verb_names();
  ASSERT_FALSE(verbs.empty());
  for (const std::string& verb : verbs) {
    const Workplace place;
    const Outcome help = run_process({program, verb, "--help"}, place.path());
    EXPECT_EQ(help.exit, 0) << verb;
    std::smatch example;
    ASSERT_TRUE(std::regex_search(help.out, example, std::regex("Example:\\s+betimes ([^\n]+)")))
        << help.out;
    const Outcome outcome = run_process(command(example[1]), place.path());
    EXPECT_LE(outcome.exit, 1) << "betimes " << example[1] << "\n" << outcome.err;
  }
}

}  // namespace
}  // namespace betimes::test

int main(int argc, char** argv) {
  betimes::test::add_cases();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
