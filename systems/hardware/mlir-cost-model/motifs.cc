#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "systems/hardware/mlir-cost-model/generator.h"
#include "systems/hardware/mlir-cost-model/generator_sizes.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using With = Step::With;

Ref relu(Builder& to, const Ref& x) {
  return to.elementwise({x}, {{"maxf", With::constant, 0, 0}});
}

Ref relu6(Builder& to, const Ref& x) {
  return to.elementwise({x}, {{"maxf", With::constant, 0, 0}, {"minf", With::constant, 0, 6}});
}

/// x with a vector over its last dimension added.
Ref bias(Builder& to, const Ref& x) {
  const Ref vector = to.argument({x.shape.back()});
  return to.elementwise({x, vector}, {{"addf", With::input, 1}}, {{}, {x.shape.size() - 1}});
}

/// `operation` with a value for each row, which lacks the last dimension.
Ref with_rows(Builder& to, const std::string& operation, const Ref& x, const Ref& rows) {
  std::vector<size_t> axes;
  for (size_t i = 0; i + 1 < x.shape.size(); ++i) axes.push_back(i);
  return to.elementwise({x, rows}, {{operation, With::input, 1}}, {{}, axes});
}

Ref plus(Builder& to, const Ref& a, const Ref& b) {
  return to.elementwise({a, b}, {{"addf", With::input, 1}});
}

Ref pointwise(Builder& to, const Ref& x, int64_t channels) {
  return to.convolution(x, to.argument({1, 1, x.shape[3], channels}), 1);
}

/// He et al. 2016. There is no padding, so the shortcut is an argument of the result's shape.
Ref bottleneck(Builder& to, Sizes& sizes) {
  const int64_t channels = sizes.channels(), inner = std::max<int64_t>(channels / 4, 4);
  const Ref x = to.argument({1, sizes.side(), sizes.side(), channels});
  const Ref first = relu(to, bias(to, pointwise(to, x, inner)));
  const int64_t stride = sizes.chance(0.3) ? 2 : 1;
  const Ref middle =
      relu(to, bias(to, to.convolution(first, to.argument({3, 3, inner, inner}), stride)));
  const Ref last = bias(to, pointwise(to, middle, channels));
  return relu(to, plus(to, last, to.argument(last.shape)));
}

/// Sandler et al. 2018.
Ref inverted_residual(Builder& to, Sizes& sizes) {
  const int64_t channels = sizes.one_of<int64_t>({4, 8, 16, 24, 32});
  const int64_t wide = channels * sizes.one_of<int64_t>({2, 4});
  const Ref x = to.argument({1, sizes.side(), sizes.side(), channels});
  const Ref expanded = relu6(to, pointwise(to, x, wide));
  const int64_t stride = sizes.chance(0.3) ? 2 : 1;
  const Ref filtered = relu6(to, to.convolution(expanded, to.argument({3, 3, wide}), stride));
  const Ref projected = pointwise(to, filtered, channels);
  return sizes.chance(0.7) ? plus(to, projected, to.argument(projected.shape)) : projected;
}

/// Scores of queries and keys, scaled, by a squared ReLU for the softmax's exp (So et al. 2021);
/// in some, values are gathered by them.
Ref attention(Builder& to, Sizes& sizes) {
  const int64_t heads = sizes.one_of<int64_t>({1, 2, 4, 8}), width = sizes.channels();
  const int64_t queries = sizes.channels(), keys = sizes.channels();
  const Ref q = to.argument({heads, queries, width});
  const Ref k = to.argument({heads, keys, width});
  const Ref scores = to.matmul(q, to.transpose(k, {0, 2, 1}));
  const Ref scaled = to.elementwise({scores}, {{"mulf", With::constant, 0, 0.125}});
  const Ref shifted = with_rows(to, "subf", scaled, to.reduce("maxf", scaled));
  const Ref weights = to.elementwise(
      {shifted},
      {{"addf", With::constant, 0, 1}, {"maxf", With::constant, 0, 0}, {"mulf", With::itself}});
  if (sizes.chance(0.4)) return weights;
  return to.matmul(weights, to.argument({heads, keys, width}));
}

/// Ba et al. 2016, with the first terms of 1/sqrt about 1.
Ref layer_norm(Builder& to, Sizes& sizes) {
  const int64_t rows = sizes.channels(), width = sizes.channels();
  const Ref x = to.argument({rows, width});
  const double share = 1.0 / static_cast<double>(width);
  const Ref mean = to.elementwise({to.reduce("addf", x)}, {{"mulf", With::constant, 0, share}});
  const Ref centred = with_rows(to, "subf", x, mean);
  const Ref square = to.elementwise({centred}, {{"mulf", With::itself}});
  const Ref factor =
      to.elementwise({to.reduce("addf", square)},
                     {{"mulf", With::constant, 0, -0.5 * share}, {"addf", With::constant, 0, 1.5}});
  const Ref normal = with_rows(to, "mulf", centred, factor);
  const Ref gain = to.argument({width}), offset = to.argument({width});
  return to.elementwise({normal, gain, offset},
                        {{"mulf", With::input, 1}, {"addf", With::input, 2}}, {{}, {1}, {1}});
}

Ref mlp(Builder& to, Sizes& sizes) {
  Ref x = to.argument({sizes.channels(), sizes.channels()});
  const Ref begin = x;
  const int layers = 2 + static_cast<int>(sizes.random().below(3));
  for (int i = 0; i < layers; ++i) {
    const int64_t width = i + 1 == layers ? begin.shape[1] : sizes.channels();
    x = bias(to, to.matmul(x, to.argument({x.shape[1], width})));
    if (i + 1 < layers) x = relu(to, x);
  }
  return sizes.chance(0.5) ? plus(to, x, begin) : x;
}

struct Motif {
  const char* name;
  Ref (*build)(Builder&, Sizes&);
};
constexpr Motif motifs[] = {{"bottleneck", bottleneck},
                            {"inverted-residual", inverted_residual},
                            {"attention", attention},
                            {"layer-norm", layer_norm},
                            {"mlp", mlp}};

}  // namespace

std::vector<std::string> motif_names() {
  std::vector<std::string> names;
  for (const Motif& motif : motifs) names.emplace_back(motif.name);
  return names;
}

Generated generate_motif(const std::string& name, uint64_t seed) {
  for (const Motif& motif : motifs) {
    if (motif.name != name) continue;
    Random random(seed);
    Sizes sizes(random);
    Builder builder;
    const Ref result = motif.build(builder, sizes);
    return {builder.finish({result}), name};
  }
  throw Error("motif", fmt::format("'{}' isn't known", name),
              fmt::format("one of {}", fmt::join(motif_names(), ", ")));
}

}  // namespace betimes::systems::mlir_cost_model
