#pragma once

#include <string>

#include "betimes/base/temporary_folder.h"

namespace betimes::test {

/// A folder of its own with what the cases name (see cases/README.md); removed by destruction.
class Workplace {
 public:
  Workplace();
  std::string path() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace betimes::test
