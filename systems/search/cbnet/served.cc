#include "systems/search/cbnet/served.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "systems/search/cbnet/exits.h"
#include "systems/search/cbnet/nets.h"

namespace betimes::systems::cbnet {
namespace {

const TensorType image_type{DType::f32, {1, 1, side, side}};
const TensorType logits_type{DType::f32, {1, classes}};

void check_one(const runtime::Session& session) {
  if (session.inputs().size() != 1 || session.inputs()[0].type != image_type ||
      session.outputs().empty() || session.outputs()[0].type != logits_type) {
    throw Error("network", "has other inputs or outputs", "an image 1x28x28 and ten logits");
  }
}

void place(std::span<const float> from, const TensorView& to) {
  if (from.size() != static_cast<size_t>(to.size())) {
    throw Error("image", "has " + std::to_string(from.size()) + " values",
                std::to_string(to.size()));
  }
  std::ranges::copy(from, to.as<float>());
}

std::span<const float> values(const TensorView& view) {
  return {view.as<float>(), static_cast<size_t>(view.size())};
}

size_t bytes(const runtime::Session& session) {
  const runtime::PlanMemory& memory = session.plan().memory();
  return memory.weights + memory.arena + memory.inputs_outputs;
}

}  // namespace

Whole::Whole(std::shared_ptr<const runtime::Plan> plan) : session_(std::move(plan)) {
  check_one(session_);
}
Whole::Whole(const graph::Graph& graph) : Whole(runtime::compile(graph)) {}

std::span<const float> Whole::run(std::span<const float> image) {
  place(image, session_.inputs()[0]);
  session_.run();
  return values(session_.outputs()[0]);
}

size_t Whole::memory_bytes() const { return bytes(session_); }

WithExit::WithExit(std::shared_ptr<const runtime::Plan> first,
                   std::shared_ptr<const runtime::Plan> rest, double tau)
    : first_(std::move(first)), rest_(std::move(rest)), tau_(tau) {
  check_one(first_);
  const TensorType& from =
      first_.outputs().size() > 1 ? first_.outputs()[1].type : first_.inputs()[0].type;
  if (rest_.inputs().size() != 1 || rest_.inputs()[0].type != from || rest_.outputs().empty() ||
      rest_.outputs()[0].type != logits_type) {
    throw Error("second network", "doesn't go on from the first", to_string(from));
  }
  if (std::isnan(tau)) throw Error("tau", "isn't a number");
}

WithExit::WithExit(const graph::Graph& first, const graph::Graph& rest, double tau)
    : WithExit(runtime::compile(first), runtime::compile(rest), tau) {}

std::span<const float> WithExit::run(std::span<const float> image) {
  place(image, first_.inputs()[0]);
  first_.run();
  const std::span<const float> logits = values(first_.outputs()[0]);
  exited_ = takes_exit(entropy(logits), tau_);
  if (exited_) return logits;
  place(first_.outputs().size() > 1 ? values(first_.outputs()[1]) : image, rest_.inputs()[0]);
  rest_.run();
  return values(rest_.outputs()[0]);
}

size_t WithExit::memory_bytes() const { return bytes(first_) + bytes(rest_); }

}  // namespace betimes::systems::cbnet
