#include "betimes/system/system.h"

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::system {

const char* name(Family family) {
  switch (family) {
    case Family::know:
      return "know";
    case Family::fit:
      return "fit";
    case Family::adapt:
      return "adapt";
    case Family::reuse:
      return "reuse";
    case Family::anticipate:
      return "anticipate";
    case Family::stream:
      return "stream";
    case Family::serve:
      return "serve";
    case Family::judge:
      return "judge";
  }
  return "";
}

const System& find(const std::vector<System>& systems, const std::string& slug) {
  const auto at = std::find_if(systems.begin(), systems.end(),
                               [&](const System& system) { return system.slug == slug; });
  if (at != systems.end()) return *at;
  std::string known;
  for (const System& system : systems) {
    if (!known.empty()) known += ", ";
    known += system.slug;
  }
  throw Error(slug, "is no system here", known.empty() ? "a build with systems" : known);
}

}  // namespace betimes::system
