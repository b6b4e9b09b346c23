#pragma once

#include <optional>
#include <string>
#include <vector>

#include "betimes/system/study.h"
#include "systems/hardware/mlir-cost-model/dataset.h"
#include "systems/hardware/mlir-cost-model/tokens.h"
#include "systems/hardware/mlir-cost-model/train_model.h"

namespace betimes::systems::mlir_cost_model {

/// What there is to learn from, and a sentence on what it is.
struct Material {
  DataSet data;
  bool real = false;  // labels of the compiler's
  std::string text;
};
/// The data set that was made before; else one made on the spot, where the toolchain is and the
/// form is the full one; else, in the quick form, stand-in labels. Nullopt: none, and the claims
/// have been told why.
std::optional<Material> material(system::Study& study);

/// One reader of one kind of tokens.
struct Pair {
  Reader reader;
  Tokens tokens;
  std::string label() const;
};

/// Baselines and models side by side: errors, and choices of schedules.
void compare_models(system::Study& study, const Material& material);
/// Predictions in this runtime against lowering.
void compare_speed(system::Study& study, const Material& material);

}  // namespace betimes::systems::mlir_cost_model
