#pragma once

#include <memory>
#include <string>

#include "systems/hardware/preroutgnn/features.h"
#include "systems/hardware/preroutgnn/measures.h"
#include "systems/hardware/preroutgnn/model.h"

// The trained predictor without LibTorch.

namespace betimes::systems::preroutgnn {

/// What `betimes train preroutgnn` writes for such a model: weights by name, with options and
/// statistics as metadata.
std::string model_file(const std::string& folder, const ModelOptions& options);

struct ServedModel;

/// Predicts a circuit's timing level by level on the runtime. Used by one thread at a time.
class ServedPredictor {
 public:
  struct Settings {
    int64_t levels_per_call = 16;  // whose part that hangs on no state is computed in one go
    int threads = 1;
  };
  /// Throws Error naming the file that is missing, or isn't such a model, or whose tables are read
  /// in a way that isn't served.
  ServedPredictor(const std::string& path, std::span<const Arc> library, const Settings& settings);
  ~ServedPredictor();
  ServedPredictor(ServedPredictor&&) noexcept;
  ServedPredictor& operator=(ServedPredictor&&) noexcept;

  /// From the circuit's features and the times of level 0 alone. Throws Error as check_circuit()
  /// does.
  Prediction predict(const Circuit& circuit);
  const ModelOptions& options() const;
  /// Of plans, sessions and the largest working memory that a circuit took so far.
  size_t memory_bytes() const;

 private:
  std::unique_ptr<ServedModel> model_;
};

}  // namespace betimes::systems::preroutgnn
