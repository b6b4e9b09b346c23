#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "betimes/graph/graph.h"
#include "betimes/runtime/session.h"
#include "systems/hardware/wa-hls4ml/features.h"

// The trained surrogate without LibTorch: graphs on the runtime, statistics in their metadata.

namespace betimes::systems::wa_hls4ml {

/// What `betimes train wa-hls4ml` writes.
struct Files {
  explicit Files(const std::string& folder);
  std::string costs;    // transformer: rows [N, 51, 33], valid [N, 51], context [N, 4] -> [N, 6]
  std::string success;  // averages [N, 38] -> logit [N, 1]
  std::string classifiers;  // networks that a design is chosen for
};

/// Numbers by name as a graph's metadata, exactly.
std::map<std::string, std::string> format_stats(const FeatureStats& features);
std::map<std::string, std::string> format_stats(const FeatureStats& features,
                                                const LabelStats& labels);
/// Throws Error naming `where` for numbers that are missing or not finite.
FeatureStats parse_features(const std::map<std::string, std::string>& metadata,
                            const std::string& where);
LabelStats parse_labels(const std::map<std::string, std::string>& metadata,
                        const std::string& where);

class ServedSurrogate {
 public:
  /// Throws Error naming the file that is missing, or isn't such a model.
  ServedSurrogate(const Files& files, int threads);

  struct Prediction {
    double success = 0;  // probability that it synthesises
    Costs costs{};       // if it does
  };
  /// Throws Error as check() does.
  Prediction predict(const Network& network);

 private:
  FeatureStats features_, success_features_;
  LabelStats labels_;
  std::unique_ptr<runtime::Session> costs_, success_;
};

}  // namespace betimes::systems::wa_hls4ml
