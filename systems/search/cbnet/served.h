#pragma once

#include <memory>
#include <optional>
#include <span>

#include "betimes/graph/graph.h"
#include "betimes/runtime/session.h"

// One image at a time through the project's runtime: what is served, and what every competitor of
// the reproduction is timed with.

namespace betimes::systems::cbnet {

/// A network that answers at once: image f32 [1, 1, 28, 28] in 0..1 -> logits [1, 10]. Used by one
/// thread at a time.
class Whole {
 public:
  /// Throws Error for a plan with other inputs or outputs.
  explicit Whole(std::shared_ptr<const runtime::Plan> plan);
  explicit Whole(const graph::Graph& graph);

  /// The logits, which the next run overwrites.
  std::span<const float> run(std::span<const float> image);
  size_t memory_bytes() const;

 private:
  runtime::Session session_;
};

/// A network with an exit: `first` gives logits, and where their entropy is above tau, `rest` gives
/// others. With a second output of `first`, such as BranchyNet's maps after conv1, `rest` starts
/// from that; else from the image, as CBNet's controller does.
class WithExit {
 public:
  /// Throws Error for plans that don't fit together, and for a tau that isn't a number.
  WithExit(std::shared_ptr<const runtime::Plan> first, std::shared_ptr<const runtime::Plan> rest,
           double tau);
  WithExit(const graph::Graph& first, const graph::Graph& rest, double tau);

  /// The logits, which the next run overwrites.
  std::span<const float> run(std::span<const float> image);
  /// Whether the last run took the exit.
  bool exited() const { return exited_; }
  size_t memory_bytes() const;

 private:
  runtime::Session first_, rest_;
  double tau_;
  bool exited_ = false;
};

}  // namespace betimes::systems::cbnet
