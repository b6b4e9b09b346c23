#include "betimes/base/temporary_folder.h"

#include <stdlib.h>

#include "betimes/base/error.h"

namespace betimes {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "betimes-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw Error(name, "can't be made", "a TMPDIR that can be written");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace betimes
