#pragma once

#include <string>

namespace betimes::test {

/// A folder of its own with what the cases name (see cases/README.md); removed by destruction.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace betimes::test
