#include "betimes/system/system.h"
#include "systems/hardware/mlir-cost-model/workload.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> mlir_cost_model_claims() {
  const char* const estimates =
      "A sequence model on MLIR's tokens gives reasonably good estimates with low error bounds.";
  const char* const rivals = "Reading the sentence beats counting operators and a bag of tokens.";
  return {
      {"registers-error", estimates, "RMSE about 5 to 7 % (secondary summaries)",
       "vector registers: RMSE in percent of the range on unseen graphs, convolutions with the "
       "better of two tokenisers",
       at_most, 8, "%", false},
      {"utilisation-error", estimates, "RMSE about 5 to 7 % (secondary summaries)",
       "busiest port's utilisation: RMSE in percent of the range, likewise", at_most, 8, "%",
       false},
      {"over-linear", rivals, "",
       "RMSE of linear regression on operator counts and sizes, over the convolutions': the "
       "smallest ratio of four targets, the better of two tokenisers each",
       at_least, 1.18, "x", false},
      {"over-bag", rivals, "", "RMSE of bag + MLP with the same tokens, likewise", at_least, 1.18,
       "x", false},
      {"over-trees", "Counts and boosted trees don't do as well (inferred).", "",
       "RMSE of boosted trees on operator counts and sizes, likewise", at_least, 1, "x", false},
      {"operands-carry-pressure", "Operands carry the register pressure.", "",
       "vector registers: RMSE with operators alone, over that with operands", at_least, 1, "x",
       false},
      {"buckets-help", "Extents by power of two generalise to types not seen (inferred).", "",
       "RMSE with operands and whole types, over that with bucketed extents: geometric mean of "
       "four "
       "targets",
       at_least, 1, "x", false},
      {"faster", "Predicting costs microseconds, lowering is what it saves.", "",
       "median time to lower a function without analysing it, over that of a prediction from its "
       "text, convolutions",
       at_least, 100, "x", true},
      {"regret", "A pass can choose a schedule by the prediction.", "",
       "run cycles of the variant with the least prediction, above the best variant's: geometric "
       "mean over unseen graphs, convolutions with the better of two tokenisers",
       at_most, 5, "%", false},
      {"over-schedule", "The choice hangs on the function.", "",
       "the same regret of the schedule that is best on average, less that of the convolutions",
       at_least, 0, "%", false}};
}

}  // namespace

System mlir_cost_model_system() {
  System system;
  system.slug = "mlir-cost-model";
  system.title = "Cost of an MLIR program, read as a sentence";
  system.domain = "hardware";
  system.families = {Family::know};
  system.summary = "predicts registers, utilisation and cycles from a function's text, unlowered";
  system.paper = {"ML-driven Hardware Cost Model for MLIR", "February 2023", "", ""};
  system.knobs = systems::mlir_cost_model::knob_space();
  system.claims = mlir_cost_model_claims();
  system.open = systems::mlir_cost_model::open_workload;
  return system;
}

}  // namespace betimes::system
