#include "systems/hardware/mlir-cost-model/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "systems/hardware/mlir-cost-model/generator_sizes.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using With = Step::With;

/// Grows a graph operator by operator.
class Grower {
 public:
  explicit Grower(Random& random) : sizes_(random) {}

  std::string run() {
    const size_t operators = 3 + static_cast<size_t>(random().below(23));
    values_.push_back(first());
    while (builder_.operations() < operators) values_.push_back(grow(pick()));
    return builder_.finish(builder_.loose_ends());
  }

 private:
  Random& random() { return sizes_.random(); }

  Ref first() {
    const double kind = random().uniform();
    if (kind < 0.4) return builder_.argument({sizes_.channels(), sizes_.channels()});
    if (kind < 0.6) {
      return builder_.argument(
          {sizes_.one_of<int64_t>({2, 4, 8, 12}), sizes_.channels(), sizes_.channels()});
    }
    return builder_.argument({1, sizes_.side(), sizes_.side(), sizes_.channels()});
  }

  /// Most often the newest value; an older one makes fan-out.
  Ref pick() { return sizes_.chance(0.65) ? values_.back() : sizes_.one_of(values_); }

  Ref grow(const Ref& x) {
    if (sizes_.chance(0.45)) return elementwise(x);
    switch (x.shape.size()) {
      case 1:
        return elementwise(x);
      case 2:
        return grow_matrix(x);
      case 3:
        return grow_batch(x);
      default:
        return grow_image(x);
    }
  }

  Ref grow_matrix(const Ref& x) {
    const double kind = random().uniform();
    if (kind < 0.6) {
      return builder_.matmul(x, builder_.argument({x.shape[1], sizes_.channels()}));
    }
    if (kind < 0.8) return builder_.transpose(x, {1, 0});
    return rows(x);
  }

  Ref grow_batch(const Ref& x) {
    const double kind = random().uniform();
    if (kind < 0.6) {
      return builder_.matmul(x, builder_.argument({x.shape[0], x.shape[2], sizes_.channels()}));
    }
    if (kind < 0.8) {
      return builder_.transpose(
          x, sizes_.one_of<std::vector<size_t>>({{0, 2, 1}, {1, 0, 2}, {2, 1, 0}}));
    }
    return rows(x);
  }

  Ref grow_image(const Ref& x) {
    const int64_t side = std::min(x.shape[1], x.shape[2]), channels = x.shape[3];
    const int64_t size = side >= 5 ? sizes_.one_of<int64_t>({1, 3, 3, 5}) : side >= 3 ? 3 : 1;
    const int64_t stride = side >= 8 && sizes_.chance(0.25) ? 2 : 1;
    const double kind = random().uniform();
    if (kind < 0.5) {
      return builder_.convolution(x, builder_.argument({size, size, channels, sizes_.channels()}),
                                  stride);
    }
    if (kind < 0.75) {
      return builder_.convolution(x, builder_.argument({size, size, channels}), stride);
    }
    if (kind < 0.9) {
      return builder_.pool(sizes_.chance(0.5) ? "max" : "sum", x, side >= 2 ? 2 : 1,
                           side >= 4 ? 2 : 1);
    }
    if (kind < 0.95) return builder_.transpose(x, {0, 2, 1, 3});
    return rows(x);
  }

  /// A reduction whose result is used at once, so that a graph doesn't die out in vectors.
  Ref rows(const Ref& x) {
    const Ref reduced = builder_.reduce(sizes_.chance(0.5) ? "addf" : "maxf", x);
    std::vector<size_t> axes;
    for (size_t i = 0; i + 1 < x.shape.size(); ++i) axes.push_back(i);
    return builder_.elementwise({x, reduced}, {{operation(), With::input, 1}}, {{}, axes});
  }

  std::string operation() { return sizes_.one_of<std::string>({"addf", "mulf", "subf", "maxf"}); }

  /// 1 to 4 steps; other inputs are values of the same shape (residual links), vectors over the
  /// last dimension, or new arguments.
  Ref elementwise(const Ref& x) {
    std::vector<Ref> inputs = {x};
    std::vector<std::vector<size_t>> axes = {{}};
    std::vector<Step> steps;
    const size_t count = 1 + static_cast<size_t>(random().below(4));
    for (size_t i = 0; i < count; ++i) {
      Step step{operation(), With::constant, 0, 0};
      const double kind = random().uniform();
      if (kind < 0.35 && inputs.size() < 4) {
        step.with = With::input;
        step.input = inputs.size();
        add_input(x, inputs, axes);
      } else if (kind < 0.5) {
        step.with = With::itself;
        step.operation = sizes_.chance(0.5) ? "mulf" : "addf";
      } else {
        step.constant =
            step.operation == "maxf" ? 0 : sizes_.one_of<double>({0.5, 2, -1, 0.125, 3});
      }
      steps.push_back(step);
    }
    return builder_.elementwise(inputs, steps, axes);
  }

  void add_input(const Ref& x, std::vector<Ref>& inputs, std::vector<std::vector<size_t>>& axes) {
    std::vector<Ref> alike;
    for (const Ref& value : values_) {
      const bool used = std::any_of(inputs.begin(), inputs.end(),
                                    [&](const Ref& input) { return input.name == value.name; });
      if (value.shape == x.shape && !used) alike.push_back(value);
    }
    axes.emplace_back();
    if (!alike.empty() && sizes_.chance(0.7)) {
      inputs.push_back(sizes_.one_of(alike));
    } else if (x.shape.size() > 1 && sizes_.chance(0.6)) {
      axes.back() = {x.shape.size() - 1};
      inputs.push_back(builder_.argument({x.shape.back()}));
    } else {
      inputs.push_back(builder_.argument(x.shape));
    }
  }

  Sizes sizes_;
  Builder builder_;
  std::vector<Ref> values_;
};

}  // namespace

Generated generate(uint64_t seed) {
  Random random(seed);
  if (random.uniform() < 0.6) return {Grower(random).run(), "random"};
  const std::vector<std::string> names = motif_names();
  const size_t which = static_cast<size_t>(random.below(names.size()));
  return generate_motif(names[which], random.bits());
}

}  // namespace betimes::systems::mlir_cost_model
