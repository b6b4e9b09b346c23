#include "systems/hardware/preroutgnn/served.h"

#include <fmt/format.h>

#include <filesystem>

#include "systems/hardware/preroutgnn/circuits.h"
#include "systems/hardware/preroutgnn/served_parts.h"

namespace betimes::systems::preroutgnn {

std::string model_file(const std::string& folder, const ModelOptions& options) {
  return (std::filesystem::path(folder) / fmt::format("preroutgnn-{}-{}-{}.safetensors",
                                                      options.hidden, name(options.reading),
                                                      options.latent))
      .string();
}

ServedPredictor::ServedPredictor(const std::string& path, std::span<const Arc> library,
                                 const Settings& settings)
    : model_(std::make_unique<ServedModel>(path, library, settings)) {}
ServedPredictor::~ServedPredictor() = default;
ServedPredictor::ServedPredictor(ServedPredictor&&) noexcept = default;
ServedPredictor& ServedPredictor::operator=(ServedPredictor&&) noexcept = default;

Prediction ServedPredictor::predict(const Circuit& circuit) {
  check_circuit(circuit, (model_->entries.first.size() - 1) / model_->entries.tables, circuit.name);
  return run_levels(*model_, circuit);
}

const ModelOptions& ServedPredictor::options() const { return model_->options; }
size_t ServedPredictor::memory_bytes() const { return model_->memory_bytes(); }

}  // namespace betimes::systems::preroutgnn
