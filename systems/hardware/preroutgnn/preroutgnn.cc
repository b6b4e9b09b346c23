#include "betimes/system/system.h"
#include "systems/hardware/preroutgnn/workload.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> preroutgnn_claims() {
  const char* const residual = "Predicting increments keeps errors from growing along deep paths.";
  const char* const parts = "Attention on tables and pre-training each help.";
  const char* const blocks = "Partitioning bounds the memory of training.";
  const char* const worth = "The network is worth it beside simpler methods (inferred).";
  const char* const cells = "Increments at cells, too (this project's).";
  return {
      {"slack-r2", "Endpoint slack is predicted before routing.", "0.93",
       "R2 of endpoint slack on unseen designs, mean over designs; increments at nets, as "
       "published",
       at_least, 0.9, "", false},
      {"over-nonresidual", residual, "",
       "that R2, less that of the same network without increments", at_least, 0.1, "", false},
      {"over-timinggcn", "It is better than TimingGCN.", "0.93 against 0.59",
       "that R2, less TimingGCN's", at_least, 0.1, "", false},
      {"gap-by-depth", residual, "",
       "R2 with increments less R2 without, on the deepest quarter of each design's endpoints, or "
       "how much more that is than on the shallowest, whichever is less",
       at_least, 0, "", false},
      {"over-straight", worth, "", "that R2, less that of timing analysis with straight wires",
       at_least, 0, "", false},
      {"over-gcnii", worth, "", "that R2, less GCNII's", at_least, 0, "", false},
      {"over-trees", worth, "", "that R2, less that of boosted trees a delay, summed along paths",
       at_least, 0, "", false},
      {"cells-r2", cells, "", "R2 of endpoint slack with increments at nets and cells", at_least,
       0.9, "", false},
      {"cells-over-nonresidual", cells, "", "that R2, less that of the same network without any",
       at_least, 0.1, "", false},
      {"cells-over-timinggcn", cells, "", "that R2, less TimingGCN's", at_least, 0.1, "", false},
      {"cells-over-published", cells, "",
       "that R2, less that with increments at nets alone, as published", at_least, 0, "", false},
      {"cells-gap-by-depth", cells, "",
       "R2 with increments less R2 without, on the deepest quarter of each design's endpoints, or "
       "how much more that is than on the shallowest, whichever is less",
       at_least, 0, "", false},
      {"cells-over-straight", cells, "", "that R2, less that of analysis with straight wires",
       at_least, 0, "", false},
      {"cells-over-tree-wires", cells, "",
       "that R2, less that of analysis with the router's own trees, without its detours", at_least,
       0, "", false},
      {"cells-over-trees", cells, "", "that R2, less that of boosted trees a delay", at_least, 0,
       "", false},
      {"attention", parts, "",
       "R2 with increments at nets and cells, less with tables' means in place of attention; 0.01 "
       "is taken for noise",
       at_least, -0.01, "", false},
      {"pre-training", parts, "",
       "the same, less with an auto-encoder's encoder that isn't trained first; 0.01 is taken for "
       "noise",
       at_least, -0.01, "", false},
      {"partitioned", blocks, "",
       "the same with training on whole designs, as many epochs, less that in blocks", at_most,
       0.02, "", false},
      {"partition-memory", blocks, "",
       "tensors of a training step of auto-encoder or predictor at most: in blocks, over whole "
       "designs",
       at_most, 0.5, "x", true}};
}

}  // namespace

System preroutgnn_system() {
  System system;
  system.slug = "preroutgnn";
  system.title = "Circuit timing from a placement, before routing";
  system.domain = "hardware";
  system.families = {Family::know, Family::anticipate};
  system.summary = "predicts arrival, slew and slack of every pin of a placed circuit";
  system.paper = {
      "PreRoutGNN for Timing Prediction with Order Preserving Partition: Global Circuit "
      "Pre-training, Local Delay Learning and Attentional Cell Modeling",
      "February 2024", "AAAI 2024", "Thinklab-SJTU/EDA-AI"};
  system.knobs = systems::preroutgnn::knob_space();
  system.claims = preroutgnn_claims();
  system.open = systems::preroutgnn::open_workload;
  return system;
}

}  // namespace betimes::system
