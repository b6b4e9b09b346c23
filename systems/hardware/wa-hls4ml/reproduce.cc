#include <torch/utils.h>

#include "systems/hardware/wa-hls4ml/reproduce_parts.h"

namespace betimes::system {

void wa_hls4ml_reproduce(Study& study) {
  using namespace systems::wa_hls4ml;
  torch::set_num_threads(study.threads());
  const Data data = read_data(study.places());
  check_law(study);
  compare_measured(study, data);
  compare_chains(study, data);
  if (data.real()) {
    study.note(
        "Measured: 2,351 single dense layers, 868 of which synthesised (wa-hls4ml-search, 5 ns "
        "clock). Generated: chains of 1 to 6 dense layers whose cycles follow the latency law and "
        "whose FF, LUT, BRAM and DSP are sums over trees fitted to those layers, with 3 % of "
        "noise; "
        "they are synthetic, and so are the exemplars.");
  } else {
    study.note(
        "Synthetic throughout: without the tables chains cost round figures that no synthesis "
        "stands behind.");
  }
  study.note(
      "Splits keep networks of the same sizes and precision on one side. Labels are log(1 + t), "
      "except where 'shifted log' is said.");
  study.note(
      "Reduced sizes: GATv2 three layers of 3 heads of 64, SAGE three of 64, transformer two of 64 "
      "with 4 heads, MLP 256 wide; no dropout. The trees and the linear regression read logarithms "
      "of what the law is made of; the models read standardised raw numbers, as the paper's do.");
  study.note(
      "SMAPE of a target that is 0 is 200 % however small the prediction, which is why medians are "
      "compared.");
  study.note(
      "Convolutional networks from real synthesis, other boards or tool versions, and the scaling "
      "to "
      "680,000 rows can't be shown here.");
}

}  // namespace betimes::system
