#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/workload.h"
#include "betimes/system/system.h"
#include "systems/hardware/wa-hls4ml/network.h"

namespace betimes::systems::wa_hls4ml {

/// A design of a classifier on an FPGA: bits, reuse factor, strategy, sizes of the hidden layers.
fit::KnobSpace knob_space();

// The classifiers that a design is chosen among: Fashion-MNIST in 7 x 7 pixels, two hidden layers.
constexpr int64_t pixels = 49, classes = 10;
const std::vector<int64_t>& first_sizes();
const std::vector<int64_t>& second_sizes();
/// The tensors of one in the file: "32x16."
std::string classifier_prefix(int64_t first, int64_t second);
/// Means of 4 x 4 pixels; `images` f32 [count, 28, 28], any scale.
std::vector<float> shrink(std::span<const float> images);

/// What an FPGA has.
struct Part {
  std::string name;
  Costs available{};  // of FF, LUT, BRAM and DSP
};
Part served_part();
constexpr double clock_ns = 5;  // of the syntheses learned from
/// Why a design can't be built: "needs 90000 LUT, xc7z020 has 53200"; empty: it can.
std::string misfit(const Costs& costs, const Part& part);

/// The surrogate stands for the FPGA: a design takes the cycles that it predicts, waited out on the
/// clock; its memory are the BRAM blocks that it predicts; a design that wouldn't synthesise or
/// doesn't fit the part is refused with the reason. Quality is the accuracy of the classifier in
/// fixed point. Throws Error naming the file that is missing.
std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options);

}  // namespace betimes::systems::wa_hls4ml
