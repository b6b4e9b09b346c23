#include "betimes/system/system.h"
#include "systems/hardware/wa-hls4ml/workload.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> wa_hls4ml_claims() {
  const char* const close =
      "Latency and resources are predicted within several percent of synthesis.";
  const char* const sequences = "Models of the sequence of layers beat one on averages.";
  return {
      {"law", "Chains of dense layers obey a latency law (what the generated data rest on).", "",
       "share of the single layers synthesised with the resource strategy and a reuse factor above "
       "1 whose best latency is the reuse factor + 1",
       at_least, 0.9, "", true},
      {"q75-cycles", close, "75th percentile within several percent",
       "measured single layers, five folds: 75th percentile of the relative error of cycles, GATv2",
       at_most, 10, "%", false},
      {"q75-lut", close, "75th percentile within several percent",
       "measured single layers, five folds: 75th percentile of the relative error of LUT, GATv2",
       at_most, 10, "%", false},
      {"cycles", close, "",
       "generated chains: median SMAPE of cycles, the worse of GATv2 and "
       "transformer",
       at_most, 5, "%", false},
      {"interval", close, "",
       "generated chains: median SMAPE of the initiation interval, the worse of both", at_most, 5,
       "%", false},
      {"lut", close, "", "generated chains: median SMAPE of LUT, the worse of both", at_most, 15,
       "%", false},
      {"ff", close, "", "generated chains: median SMAPE of FF, the worse of both", at_most, 15, "%",
       false},
      {"r2-cycles", close, "0.89", "generated chains: R2 of cycles, GATv2", at_least, 0.89, "",
       false},
      {"r2-dsp", close, "0.89", "generated chains: R2 of DSP, GATv2", at_least, 0.89, "", false},
      {"graph-over-mlp", sequences, "",
       "generated chains of two layers and more: targets of six where GATv2's median SMAPE is "
       "lower "
       "than the MLP's",
       at_least, 4, "targets", false},
      {"transformer-over-mlp", sequences, "",
       "generated chains of two layers and more: targets of six where the transformer's median "
       "SMAPE is lower than the MLP's",
       at_least, 4, "targets", false},
      {"success-auc", "Whether a configuration synthesises can be told before.", "",
       "measured single layers, five folds: area under the ROC curve of the classifier", at_least,
       0.95, "", false},
      {"exemplars-worse", "Errors on networks of applications are larger.",
       "larger errors on real exemplars",
       "joint error of GATv2 on held-out exemplars over that on the test part, both generated",
       at_least, 1, "x", false},
      {"context", "A surrogate needs to be told the strategy (inferred).", "",
       "measured single layers, five folds: joint error of a transformer that isn't told, over one "
       "that is",
       at_least, 1, "x", false},
      {"log1p", "Zeros dominate the loss where 1e-6 is added before the logarithm (inferred).", "",
       "measured single layers, five folds: GATv2's joint error with the paper's labels over that "
       "with log(1 + t)",
       at_least, 1, "x", false},
      {"over-trees", "A graph network is worth it beside boosted trees (inferred).", "",
       "generated chains: joint error of boosted trees over GATv2's", at_least, 1, "x", false},
      {"fast", "A prediction takes a millisecond at most, synthesis minutes to hours.",
       "microseconds to a millisecond", "GATv2, one network, evaluated eagerly: median", at_most,
       1000, "us", true}};
}

}  // namespace

System wa_hls4ml_system() {
  System system;
  system.slug = "wa-hls4ml";
  system.title = "FPGA resources and latency of a network before synthesis";
  system.domain = "hardware";
  system.families = {Family::know, Family::fit};
  system.summary =
      "predicts cycles, LUT, FF, BRAM and DSP of a network that hls4ml would synthesise";
  system.paper = {
      "wa-hls4ml: A Benchmark and Surrogate Models for hls4ml Resource and Latency Estimation",
      "November 2025", "", "jdweitz/wa_hls4ml_models"};
  system.knobs = systems::wa_hls4ml::knob_space();
  system.claims = wa_hls4ml_claims();
  system.open = systems::wa_hls4ml::open_workload;
  return system;
}

}  // namespace betimes::system
