#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/system/study.h"

namespace betimes::system {

/// The content of results/<slug>.json; docs/json.md describes it.
std::string render_json(const Reproduction& found);
/// Reads it back; `where` names it in errors. Throws Error for what isn't such a file.
Reproduction parse_reproduction(std::string_view text, const std::string& where);

/// What `reproduce` prints: claims, figures and notes, for a terminal of `width` columns.
std::string render_text(const System& system, const Reproduction& found, int width);

/// A system with what its last full run found, if it was run.
struct Recorded {
  const System* system = nullptr;
  std::optional<Reproduction> found;
};
/// Reads <folder>/<slug>.json; without that file nothing is found. Throws Error for a file that is
/// malformed, or whose claims are no longer the system's. The result points to `system`.
Recorded read_result(const System& system, const std::string& folder);
std::vector<Recorded> read_results(const std::vector<System>& systems, const std::string& folder);

/// The table of docs/systems.md: claim, paper, here, verdict, date.
std::string render_markdown(const std::vector<Recorded>& recorded);
/// The part of a system's page that tells what was found.
std::string render_page_part(const Recorded& recorded);
/// The first picture as SVG, drawn by gnuplot. Throws Error when gnuplot isn't installed, or the
/// result has no picture.
std::string render_picture(const Reproduction& found);

}  // namespace betimes::system
