#pragma once

#include <chrono>
#include <string>

namespace betimes::report {

/// A progress bar on stderr, drawn only when stderr is a terminal and the work has lasted over half
/// a second. update() may be called as often as one likes, from one thread; it draws at most ten
/// times a second.
class Progress {
 public:
  explicit Progress(std::string title, bool enabled = true);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// `fraction` in [0, 1] of the whole; `what` is being done now.
  void update(double fraction, const std::string& what = {});

 private:
  std::string title_;
  bool enabled_;
  bool drawn_once_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace betimes::report
