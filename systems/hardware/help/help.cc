#include "betimes/system/system.h"
#include "systems/hardware/help/workload.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> help_claims() {
  const char* const few = "Ten samples of an unseen device rank architectures by their latency.";
  const char* const fewer_rivals = "Other meta-learners need the embedding, too.";
  return {
      {"published-fbnet", few, "0.910 (fpga 0.892, raspi4 0.887, eyeriss 0.943)",
       "published weights, this inference: mean rank correlation over three unseen devices of "
       "FBNet's space",
       at_least, 0.90, "", true},
      {"published-nasbench", few, "0.932",
       "published weights, this inference: mean rank correlation over six unseen devices, "
       "NAS-Bench-201",
       at_least, 0.92, "", true},
      {"ten-are-enough", "A search on a new device costs ten measurements.", "",
       "rank correlation lost when the ten references are all that is measured: the paper's "
       "figures take ten more, and the range of the device's whole pool; published weights, nine "
       "unseen devices",
       at_most, 0.01, "", true},
      {"line", "A least-squares line is the safer way to milliseconds (inferred).", "",
       "error in milliseconds by matching ranges, over that by the line: published weights, ten "
       "unseen devices, geometric mean",
       at_least, 1, "x", true},
      {"trained-fbnet", few, "0.910 after 4000 episodes",
       "mean rank correlation over three unseen devices of FBNet's space, 2000 episodes", at_least,
       0.90, "", false},
      {"over-maml", fewer_rivals, "0.910 against 0.736",
       "rank correlation above MAML's at equal episodes", at_least, 0.15, "", false},
      {"over-meta-sgd", fewer_rivals, "0.910 against 0.806",
       "rank correlation above Meta-SGD's at equal episodes", at_least, 0.15, "", false},
      {"over-best-maml", fewer_rivals, "",
       "rank correlation above that of MAML's best checkpoint, as the validation devices choose it",
       at_least, 0.05, "", false},
      {"over-best-meta-sgd", fewer_rivals, "",
       "rank correlation above that of Meta-SGD's best checkpoint, as the validation devices "
       "choose it",
       at_least, 0.05, "", false},
      {"over-peaks", fewer_rivals, "",
       "rank correlation above the highest point of MAML's and Meta-SGD's curves on the unseen "
       "devices themselves, which nobody could choose a checkpoint by",
       at_least, 0, "", false},
      {"embedding-helps", "The predictor needs to read the hardware embedding.", "",
       "rank correlation above the modulator's alone, FBNet's space", at_least, 0.05, "", false},
      {"modulator-helps", "Modulating the weights by the embedding helps on top.", "",
       "rank correlation above the embedding's alone, FBNet's space", at_least, 0, "", false},
      {"over-scratch", "Without meta-learning, ten samples are too few.", "",
       "rank correlation above a regressor's that learns from the ten alone, FBNet's space",
       at_least, 0.2, "", false},
      {"over-macs", "Counting operations ranks worse.", "0.932 against 0.787 (NAS-Bench-201)",
       "rank correlation above that of multiply-accumulates, FBNet's space", at_least, 0.05, "",
       false},
      {"trained-nasbench", few, "0.932",
       "mean rank correlation over six unseen devices, NAS-Bench-201, 2000 episodes, 900 "
       "architectures to learn from",
       at_least, 0.90, "", false},
      {"over-graph-regressor", "Ten samples beat 900 of a regressor of the device's own.",
       "0.932 against 0.789 (BRP-NAS)",
       "rank correlation above a graph regressor's that learns from the device's pool of 900, "
       "NAS-Bench-201",
       at_least, 0, "", false}};
}

}  // namespace

System help_system() {
  System system;
  system.slug = "help";
  system.title = "Latency on an unseen device from ten measurements, by meta-learning";
  system.domain = "hardware";
  system.families = {Family::know, Family::fit};
  system.summary = "adapts a meta-learned latency predictor to a new device from ten measurements";
  system.paper = {"HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via Meta-Learning",
                  "June 2021", "NeurIPS 2021", "HayeonLee/HELP"};
  system.knobs = systems::help::knob_space();
  system.claims = help_claims();
  system.open = systems::help::open_workload;
  return system;
}

}  // namespace betimes::system
