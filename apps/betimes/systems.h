#pragma once

#include <string>
#include <vector>

#include "betimes/system/system.h"

namespace CLI {
class App;
}

namespace betimes::cli {

/// The systems of this program. Where it was linked without LibTorch their train and reproduce are
/// empty.
const std::vector<system::System>& systems();

/// Whether this program was linked with what trains.
bool learns_here();

/// The system of that slug for a verb that learns: in a program without LibTorch the same command
/// goes on in `<program>-learn`, which lies beside it, and this never returns. Throws Error when
/// that isn't there.
const system::System& learning_system(const std::string& slug);

/// Where data and weights are looked for when nothing else is said.
system::Places default_places();

/// --data and --weights of the verbs that open or train a system.
void declare_places(CLI::App& command, system::Places& places);

}  // namespace betimes::cli
