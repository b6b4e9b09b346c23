#pragma once

#include <memory>

#include "betimes/judge/detector.h"

namespace betimes::systems::pate {

struct AutoencoderOptions {
  int64_t window = 100;
  int64_t steps = 1500;  // of Adam, 128 windows each
  int threads = 1;       // more only wait for one another on layers this small
};

/// Windows unlike what a dense auto-encoder (window -> 32 -> 8 -> 32 -> window, ReLU) learns to
/// repeat. It is trained anew on every series that it is asked about, without labels; a point's
/// score is the root mean squared error over the windows that hold it.
std::unique_ptr<judge::Detector> autoencoder(const AutoencoderOptions& options = {});

}  // namespace betimes::systems::pate
