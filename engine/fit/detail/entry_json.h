#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "betimes/fit/ledger.h"

namespace betimes::fit::detail {

/// One line, without its end: what a ledger's file and workers' replies hold.
std::string write_entry(const Entry& entry);
/// Throws Error naming `where` for what isn't an entry of that space; the setting's types are
/// checked, its constraints aren't.
Entry read_entry(std::string_view line, const KnobSpace& space, const std::string& where);

/// The setting alone, as an object.
std::string write_setting(const Setting& setting);
Setting read_setting(std::string_view text, const KnobSpace& space, const std::string& where);

/// Throws Error unless `line` is one JSON object.
nlohmann::ordered_json read_object(std::string_view line, const std::string& where);
/// `text` in valid UTF-8, what isn't replaced: as it comes back from a file.
std::string as_written(const std::string& text);

}  // namespace betimes::fit::detail
