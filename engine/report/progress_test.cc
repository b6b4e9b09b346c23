#include "betimes/report/progress.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <string>
#include <thread>

#include "betimes/report/detail/progress_line.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using detail::progress_line;

TEST(ProgressLine, ShowsFractionTimeLeftAndWork) {
  EXPECT_EQ(progress_line("fit", 0.25, "measuring", 10, 80),
            "fit  [#####...............]  25 %  30 s left  measuring");
  EXPECT_EQ(progress_line("fit", 0.25, "", 600, 40), "fit  [###.......]  25 %  30 min left");
}

TEST(ProgressLine, PromisesNoTimeAtTheEnds) {
  EXPECT_EQ(progress_line("a", 0.01, "", 5, 40), "a  [..........]   1 %");
  EXPECT_EQ(progress_line("a", 1, "", 5, 40), "a  [##########]  100 %");
}

TEST(ProgressLine, ClampsAndFits) {
  EXPECT_EQ(progress_line("a", 7, "", 5, 40), progress_line("a", 1, "", 5, 40));
  EXPECT_EQ(progress_line("a", -1, "", 5, 40), progress_line("a", 0, "", 5, 40));
  EXPECT_EQ(progress_line("a", std::numeric_limits<double>::quiet_NaN(), "", 5, 40),
            progress_line("a", 0, "", 5, 40));
  const std::string line = progress_line("fit", 0.5, std::string(500, 'x') + "\x1b[2J", 5, 60);
  EXPECT_LE(detail::columns(line), 60);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

/// stderr for the life of this object.
class Redirected {
 public:
  explicit Redirected(int to) : kept_(dup(STDERR_FILENO)) { dup2(to, STDERR_FILENO); }
  ~Redirected() {
    dup2(kept_, STDERR_FILENO);
    close(kept_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int kept_;
};

void work(bool enabled) {
  Progress progress("fit", enabled);
  progress.update(0.1, "too soon to be drawn");
  std::this_thread::sleep_for(std::chrono::milliseconds(550));
  progress.update(0.5, "halfway");
  for (int i = 0; i < 10'000; ++i) progress.update(0.6, "too often");
}

/// What `work` writes to a terminal.
std::string seen_on_a_terminal(bool enabled) {
  int terminal = -1, program = -1;
  winsize size{24, 60, 0, 0};
  if (openpty(&terminal, &program, nullptr, nullptr, &size) != 0) return "no terminal";
  {
    const Redirected redirected(program);
    work(enabled);
    std::fputs("end", stderr);
    std::fflush(stderr);
  }
  // The system hands over what was written in parts, when it comes to it.
  std::string seen;
  pollfd ready = {terminal, POLLIN, 0};
  while (!seen.ends_with("end") && poll(&ready, 1, 10'000) > 0) {
    std::array<char, 4096> buffer;
    const ssize_t count = read(terminal, buffer.data(), buffer.size());
    if (count <= 0) break;
    seen.append(buffer.data(), static_cast<size_t>(count));
  }
  close(terminal);
  close(program);
  return seen;
}

TEST(Progress, IsDrawnOnATerminalAndCleared) {
  const std::string seen = seen_on_a_terminal(true);
  if (seen == "no terminal") GTEST_SKIP() << "no pseudo-terminal can be opened here";
  EXPECT_EQ(seen.find("too soon"), std::string::npos);
  EXPECT_NE(seen.find("halfway"), std::string::npos);
  // Ten a second at most: however busy the machine, not every time.
  int drawn = 0;
  for (size_t at = 0; (at = seen.find("too often", at)) != std::string::npos; ++at) ++drawn;
  EXPECT_LT(drawn, 50);
  EXPECT_TRUE(seen.ends_with("\r\x1b[Kend")) << "the line wasn't cleared";
}

TEST(Progress, IsSilentWhenDisabled) {
  const std::string seen = seen_on_a_terminal(false);
  if (seen == "no terminal") GTEST_SKIP() << "no pseudo-terminal can be opened here";
  EXPECT_EQ(seen, "end");
}

TEST(Progress, IsSilentInAFile) {
  testing::internal::CaptureStderr();
  work(true);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace betimes::report
