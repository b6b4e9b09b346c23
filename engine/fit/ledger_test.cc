#include "betimes/fit/ledger.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"

namespace betimes::fit {
namespace {

KnobSpace make_space() {
  KnobSpace space;
  space.add({"depth", Integers{0, 1'000'000}, int64_t{0}, ""});
  space.add({"rate", Reals{0, 1}, 0.5, ""});
  space.add({"mode", Categories{{std::string("a\"b"), true, 2.0, int64_t{3}}}, true, ""});
  space.require("depth isn't 13",
                [](const Setting& s) { return s.at("depth") != Value(int64_t{13}); });
  return space;
}

Entry done(int64_t depth, int64_t round = 0) {
  Entry entry;
  entry.setting = make_space().standard();
  entry.setting["depth"] = depth;
  entry.found = Outcome{1.0 / 3 + double(depth), 0.1, {{"p99", 0.7}, {"bytes", 1e300}}};
  entry.seconds = 0.25;
  entry.round = round;
  return entry;
}

Entry failed(int64_t depth, std::string why) {
  Entry entry = done(depth);
  entry.found.reset();
  entry.failure = std::move(why);
  return entry;
}

void expect_equal(const Ledger& a, const Ledger& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a.entries()[i].setting, b.entries()[i].setting);
    EXPECT_EQ(a.entries()[i].found, b.entries()[i].found);
    EXPECT_EQ(a.entries()[i].failure, b.entries()[i].failure);
    EXPECT_EQ(a.entries()[i].seconds, b.entries()[i].seconds);
    EXPECT_EQ(a.entries()[i].round, b.entries()[i].round);
  }
}

class LedgerFile : public ::testing::Test {
 protected:
  Ledger open(uint64_t seed = 7) const { return Ledger::open(path_, make_space(), "test", seed); }
  std::string content() const {
    std::ifstream file(path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string refusal(const std::function<void()>& action) const {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  }

  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path().string(), path_ = temporary_.at("ledger.jsonl");
};

TEST_F(LedgerFile, ComesBackAsItWas) {
  Ledger kept(make_space(), "test", 7);
  {
    Ledger ledger = open();
    for (Ledger* each : {&ledger, &kept}) {
      each->append(done(1));
      each->append(failed(2, "no \"luck\"\n\xff"));
      each->append(done(3, 4));
      Entry other = done(4, 4);
      other.setting["mode"] = 2.0;
      other.setting["rate"] = 0.1;
      each->append(other);
    }
  }
  Ledger again = open();
  expect_equal(again, kept);
  EXPECT_EQ(again.dropped(), "");
  again.append(done(5, 5));
  kept.append(done(5, 5));
  again = Ledger(make_space(), "", 0);  // closes the file
  expect_equal(open(), kept);
  EXPECT_EQ(kept.find(done(3).setting)->round, 4);
  EXPECT_EQ(kept.find(done(99).setting), nullptr);
}

TEST_F(LedgerFile, DropsATornLastLineWhereverItIsTorn) {
  {
    Ledger ledger = open();
    ledger.append(done(1));
    ledger.append(done(2));
  }
  const std::string whole = content();
  const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t size = last; size < whole.size(); ++size) {
    write_file(path_, whole.substr(0, size));
    {
      Ledger ledger = open();
      ASSERT_EQ(ledger.size(), 1u);
      EXPECT_EQ(ledger.dropped().empty(), size == last);
      ledger.append(done(2));
    }
    EXPECT_EQ(content(), whole);
  }
}

TEST_F(LedgerFile, ATornHeaderIsBegunAgainAndOtherFilesAreLeftAlone) {
  { open(); }
  const std::string header = content();
  write_file(path_, header.substr(0, 20));
  { EXPECT_NE(open().dropped(), ""); }
  EXPECT_EQ(content(), header);
  for (const std::string other :
       {"my diary", "my diary\nday one\n", "{\"format\":\"other\"}\n", "\n"}) {
    write_file(path_, other);
    EXPECT_THROW(open(), Error) << other;
    EXPECT_EQ(content(), other);
  }
}

TEST_F(LedgerFile, SurvivesAKilledWriter) {
  const pid_t child = ::fork();
  if (child == 0) {
    Ledger ledger = open();
    for (int64_t i = 20;; ++i) ledger.append(done(i));
  }
  while (!std::filesystem::exists(path_) || std::filesystem::file_size(path_) < 20'000)
    ::usleep(1000);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  Ledger ledger = open();
  ASSERT_GT(ledger.size(), 10u);
  for (size_t i = 0; i < ledger.size(); ++i) {
    EXPECT_EQ(ledger.entries()[i].found, done(20 + int64_t(i)).found);
  }
}

TEST_F(LedgerFile, RefusesAnotherSpaceSeedOrProblemWithTheReason) {
  { open(); }
  EXPECT_NE(refusal([&] { open(8); }).find("seed is 7 (expected 8)"), std::string::npos);
  EXPECT_NE(refusal([&] {
              Ledger::open(path_, make_space(), "other", 7);
            }).find("problem is \"test\" (expected \"other\")"),
            std::string::npos);
  KnobSpace other = make_space();
  other.add({"more", flag(), false, ""});
  EXPECT_NE(refusal([&] { Ledger::open(path_, other, "test", 7); }).find("space is \""),
            std::string::npos);
}

TEST_F(LedgerFile, RefusesWhatAnotherProcessWrites) {
  const Ledger ledger = open();
  EXPECT_NE(refusal([&] { open(); }).find("is in use"), std::string::npos);
  EXPECT_THROW(Ledger::open(folder_, make_space(), "test", 7), Error);
  EXPECT_THROW(Ledger::open(folder_ + "/none/x", make_space(), "test", 7), Error);
}

TEST_F(LedgerFile, RefusesHostileLinesWithTheirNumber) {
  {
    Ledger ledger = open();
    ledger.append(done(1));
  }
  const std::string good = content();
  const std::string entry = good.substr(good.find('\n') + 1);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = entry;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::string> lines = {
      "\n",
      "null\n",
      "[]\n",
      std::string(10, '\0') + "\n",
      "\xff\xfe\n",
      std::string(200'000, '[') + "\n",
      "{\"a\":" + std::string(2 << 20, '1') + "}\n",
      entry,  // the same setting again
      changed("\"round\":0", "\"round\":-1"),
      changed("\"round\":0", "\"round\":1e3"),
      changed("\"round\":0", "\"round\":18446744073709551615"),
      changed("\"depth\":1", "\"depth\":13"),
      changed("\"depth\":1", "\"depth\":1.0"),
      changed("\"depth\":1", "\"depth\":-1"),
      changed("\"depth\":1", "\"depth\":99999999999999999999"),
      changed("\"depth\":1", "\"depth\":[1]"),
      changed("\"depth\":1,", ""),
      changed("\"depth\":1", "\"depth\":2,\"width\":3"),
      changed("\"rate\":0.5", "\"rate\":1.5"),
      changed("\"rate\":0.5", "\"rate\":\"0.5\""),
      changed("\"mode\":true", "\"mode\":1"),
      changed("\"done\"", "\"maybe\""),
      changed("\"done\"", "\"failed\""),
      changed("\"latency_ms\":0.1", "\"latency_ms\":-0.1"),
      changed("\"latency_ms\":0.1", "\"latency_ms\":1e999"),
      changed("\"latency_ms\":0.1", "\"latency_ms\":null"),
      changed("\"p99\":0.7", "\"p99\":\"0.7\""),
      changed("\"seconds\":0.25", "\"seconds\":-1"),
      changed("\"seconds\":0.25", "\"second\":1"),
  };
  for (const std::string& line : lines) {
    write_file(path_, good + line);
    const std::string message = refusal([&] { open(); });
    EXPECT_NE(message.find("line 3"), std::string::npos) << message << "\n" << line.substr(0, 200);
    EXPECT_EQ(content(), good + line);
  }
}

TEST(Ledger, RefusesWhatDoesNotBelong) {
  Ledger ledger(make_space(), "test", 1);
  ledger.append(done(1, 3));
  EXPECT_THROW(ledger.append(done(1, 3)), Error);
  EXPECT_THROW(ledger.append(done(2, 2)), Error);
  EXPECT_THROW(ledger.append(done(13, 3)), Error);
  for (const double bad : {std::nan(""), double(INFINITY)}) {
    Entry entry = done(2, 3);
    entry.found->quality = bad;
    EXPECT_THROW(ledger.append(entry), Error);
    entry = done(2, 3);
    entry.found->extra["x"] = bad;
    EXPECT_THROW(ledger.append(entry), Error);
    entry = done(2, 3);
    entry.seconds = bad;
    EXPECT_THROW(ledger.append(entry), Error);
  }
  EXPECT_EQ(ledger.size(), 1u);
}

TEST(Ledger, HeadHoldsTheFirst) {
  Ledger ledger(make_space(), "test", 1);
  for (int64_t i = 0; i < 5; ++i) ledger.append(done(i));
  const Ledger head = ledger.head(3);
  EXPECT_EQ(head.size(), 3u);
  EXPECT_NE(head.find(done(2).setting), nullptr);
  EXPECT_EQ(head.find(done(3).setting), nullptr);
  EXPECT_EQ(ledger.head(99).size(), 5u);
}

}  // namespace
}  // namespace betimes::fit
