#include "betimes/system/settings.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::system {
namespace {

enum class Mode { two_path, full };
const char* spell(Mode mode) { return mode == Mode::full ? "full" : "two-path"; }

template <class Use>
std::string refusal(const std::map<std::string, std::string>& given, const Use& use) {
  Settings settings(given, "x's training");
  try {
    use(settings);
    settings.finish();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Settings, LeavesAloneWhatIsNotGiven) {
  Settings settings({{"epochs", "3"}, {"rate", "2.5e-1"}, {"mode", "full"}}, "x's training");
  int epochs = 1, batch = 7;
  int64_t images = 9;
  double rate = 1, decay = 2;
  settings.whole("epochs", epochs, 1, 10);
  settings.whole("batch", batch, 1, 10);
  settings.whole("images", images, 1, 10);
  settings.number("rate", rate, 0, 1);
  settings.number("decay", decay, 0, 1);
  EXPECT_EQ(epochs, 3);
  EXPECT_EQ(batch, 7);
  EXPECT_EQ(images, 9);
  EXPECT_EQ(rate, 0.25);
  EXPECT_EQ(decay, 2);
  Mode mode = Mode::two_path, way = Mode::full;
  settings.choice("mode", mode, {Mode::two_path, Mode::full}, spell);
  settings.choice("way", way, {Mode::two_path, Mode::full}, spell);
  EXPECT_EQ(mode, Mode::full);
  EXPECT_EQ(way, Mode::full);
  EXPECT_NO_THROW(settings.finish());
}

TEST(Settings, RefusesValuesThatCanNotBe) {
  for (const char* bad : {"", "x", "3x", " 3", "0", "11", "2.5", "nan", "99999999999999999999"}) {
    int epochs = 1;
    EXPECT_EQ(refusal({{"epochs", bad}}, [&](Settings& s) { s.whole("epochs", epochs, 1, 10); }),
              std::string("--set epochs: is '") + bad + "' (expected a whole number from 1 to 10)");
  }
  for (const char* bad : {"", "x", "1.1", "-0.1", "nan", "inf", "1e999"}) {
    double rate = 1;
    EXPECT_EQ(refusal({{"rate", bad}}, [&](Settings& s) { s.number("rate", rate, 0, 1); }),
              std::string("--set rate: is '") + bad + "' (expected a number from 0 to 1)");
  }
  Mode mode = Mode::full;
  EXPECT_EQ(refusal({{"mode", "ful"}},
                    [&](Settings& s) {
                      s.choice("mode", mode, {Mode::two_path, Mode::full}, spell);
                    }),
            "--set mode: is 'ful' (expected two-path or full)");
}

TEST(Settings, RefusesWhatNobodyAskedFor) {
  double rate = 1;
  int epochs = 1;
  EXPECT_EQ(refusal({{"epoch", "1"}},
                    [&](Settings& s) {
                      s.number("rate", rate, 0, 1);
                      s.whole("epochs", epochs, 1, 10);
                    }),
            "--set epoch: is no setting of x's training (expected rate, epochs)");
  EXPECT_EQ(refusal({{"epoch", "1"}}, [](Settings&) {}),
            "--set epoch: is no setting of x's training (expected none)");
}

}  // namespace
}  // namespace betimes::system
