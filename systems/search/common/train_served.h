#pragma once

#include <string>
#include <vector>

#include "betimes/system/system.h"
#include "systems/search/common/train_images.h"

namespace betimes::systems::search {

/// Trains a found network at every width and resolution that open_found_net() serves, and writes
/// the files that it reads.
void train_served(const std::string& slug, const BlockNet& net, const Images& images, int epochs,
                  const system::TrainOptions& options);

/// What a search found, as numbers, in a file of its own, so that --resume goes on with its
/// training.
void keep_found(const std::string& slug, const std::vector<int>& choice,
                const system::TrainOptions& options);
/// Empty unless --resume was given and a search was kept. Throws Error for a file that isn't a list
/// of numbers; whether they mean something is the caller's to check.
std::vector<int> kept_choice(const std::string& slug, const system::TrainOptions& options);

}  // namespace betimes::systems::search
