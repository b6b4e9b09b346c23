#include "betimes/report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "betimes/report/detail/progress_line.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace detail {
namespace {

std::string time_left(double fraction, double elapsed_seconds) {
  if (fraction < 0.02 || fraction >= 1) return "";
  const double left = std::ceil(elapsed_seconds * (1 - fraction) / fraction);
  if (left < 90) return fmt::format("  {:.0f} s left", left);
  return fmt::format("  {:.0f} min left", std::ceil(left / 60));
}

}  // namespace

std::string progress_line(const std::string& title, double fraction, const std::string& what,
                          double elapsed_seconds, int width) {
  fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const int cells = std::clamp(width / 4, 8, 24);
  const auto full = static_cast<size_t>(std::lround(fraction * cells));
  std::string line =
      fmt::format("{}  [{}{}]  {:2.0f} %{}", printable(title), std::string(full, '#'),
                  std::string(static_cast<size_t>(cells) - full, '.'), std::floor(100 * fraction),
                  time_left(fraction, elapsed_seconds));
  const int room = width - columns(line) - 2;
  if (!what.empty() && room >= 6) line += "  " + shorten(printable(what), room);
  return shorten(line, width);
}

}  // namespace detail

namespace {

constexpr auto quiet_time = std::chrono::milliseconds(500);
constexpr auto redraw_time = std::chrono::milliseconds(100);

int terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::clamp<int>(size.ws_col, 20, 120);
}

}  // namespace

Progress::Progress(std::string title, bool enabled)
    : title_(std::move(title)),
      enabled_(enabled && isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (drawn_once_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(double fraction, const std::string& what) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - start_ < quiet_time || (drawn_once_ && now - drawn_ < redraw_time)) return;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  // The last column stays free: some terminals wrap as soon as it is written.
  const std::string line =
      detail::progress_line(title_, fraction, what, elapsed, terminal_columns() - 1);
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  drawn_once_ = true;
  drawn_ = now;
}

}  // namespace betimes::report
