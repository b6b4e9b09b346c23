// RandomNormal, RandomUniform, RandomNormalLike, RandomUniformLike (1), Bernoulli (15), Multinomial
// (7). A node draws the same numbers at each run: those of its seed, or of seed 0 without one.
#include "betimes/base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

using All = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t, bool>;

/// ONNX's seeds are floats; different ones give different numbers.
uint64_t seed_of(const NodeContext& context) {
  return std::bit_cast<uint32_t>(context.node.get("seed", 0.0f));
}

/// The attribute dtype, or else the type of the input.
DType drawn_type(const NodeContext& context, const std::vector<DType>& allowed) {
  DType dtype = DType::f32;
  if (context.node.has("dtype")) {
    dtype = dtype_of_onnx(context, context.node.get("dtype", int64_t{0}));
  } else if (context.present(0)) {
    dtype = context.type(0).dtype;
  }
  if (std::find(allowed.begin(), allowed.end(), dtype) == allowed.end()) {
    fail(context, "can't draw " + std::string(betimes::name(dtype)));
  }
  return dtype;
}

std::vector<TensorType> infer_shaped(const NodeContext& context) {
  if (!context.node.has("shape")) fail(context, "attribute 'shape' is missing");
  return one(drawn_type(context, Floats::list()),
             context.node.get("shape", std::vector<int64_t>{}));
}

std::vector<TensorType> infer_like(const NodeContext& context) {
  return one(drawn_type(context, Floats::list()), context.shape(0));
}

/// draw(random) for each element.
template <class F>
Evaluator fill(const NodeContext& context, const TensorType& type, F draw) {
  return Floats::dispatch(type.dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [draw, seed = seed_of(context), count = element_count(type.shape)](auto, auto outputs) {
      Random random(seed);
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < count; ++i) {
        y[i] = store<T>(static_cast<Compute<T>>(draw(random)));
      }
    };
  });
}

Evaluator prepare_normal(const NodeContext& context, std::span<const TensorType> outputs) {
  const double mean = context.node.get("mean", 0.0f);
  const double scale = context.node.get("scale", 1.0f);
  return fill(context, outputs[0],
              [mean, scale](Random& random) { return mean + scale * random.normal(); });
}

Evaluator prepare_uniform(const NodeContext& context, std::span<const TensorType> outputs) {
  const double low = context.node.get("low", 0.0f);
  const double high = context.node.get("high", 1.0f);
  return fill(context, outputs[0],
              [low, high](Random& random) { return random.uniform(low, high); });
}

std::vector<TensorType> infer_bernoulli(const NodeContext& context) {
  return one(drawn_type(context, All::list()), context.shape(0));
}

/// 1 with the probability that the input says, else 0.
Evaluator prepare_bernoulli(const NodeContext& context, std::span<const TensorType> outputs) {
  return Floats::dispatch(context.type(0).dtype, [&](auto probability) {
    return All::dispatch(outputs[0].dtype, [&](auto zero) -> Evaluator {
      using T = decltype(zero);
      using P = decltype(probability);
      return [seed = seed_of(context), count = element_count(context.shape(0))](auto inputs,
                                                                                auto results) {
        Random random(seed);
        const P* p = inputs[0].template as<const P>();
        T* y = results[0].template as<T>();
        for (int64_t i = 0; i < count; ++i) {
          y[i] = convert<T>(random.uniform() < static_cast<double>(load(p[i])) ? 1.0f : 0.0f);
        }
      };
    });
  });
}

std::vector<TensorType> infer_multinomial(const NodeContext& context) {
  require_rank(context, 0, 2, 2);
  const Shape& shape = context.shape(0);
  if (shape[1] == 0) fail(context, found_input(context, 0), "at least one class");
  bounded(context, "the number of classes", shape[1], 1, std::numeric_limits<int32_t>::max());
  const int64_t samples = bounded(context, "sample_size",
                                  context.node.get("sample_size", int64_t{1}), 1, int64_t{1} << 31);
  const DType dtype = context.node.has("dtype") ? drawn_type(context, Indices::list()) : DType::i32;
  return one(dtype, {shape[0], samples});
}

/// Running sums of the classes' probabilities from their logarithms, which needn't be normalized.
template <class T>
void add_up(const T* logarithms, std::span<double> sums) {
  double most = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < sums.size(); ++i) {
    most = std::max(most, static_cast<double>(load(logarithms[i])));
  }
  double sum = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    // Those that aren't numbers, or come to nothing, are never drawn.
    const double part = std::exp(static_cast<double>(load(logarithms[i])) - most);
    sums[i] = sum += part > 0 ? part : 0;
  }
}

Evaluator prepare_multinomial(const NodeContext& context, std::span<const TensorType> outputs) {
  return Floats::dispatch(context.type(0).dtype, [&](auto logarithm) {
    return Indices::dispatch(outputs[0].dtype, [&](auto index) -> Evaluator {
      using T = decltype(logarithm);
      using I = decltype(index);
      return [seed = seed_of(context), batch = context.shape(0)[0], samples = outputs[0].shape[1],
              sums = std::vector<double>(static_cast<size_t>(context.shape(0)[1]))](
                 auto inputs, auto results) mutable {
        Random random(seed);
        const T* x = inputs[0].template as<const T>();
        I* y = results[0].template as<I>();
        for (int64_t n = 0; n < batch; ++n, x += sums.size()) {
          add_up(x, sums);
          for (int64_t i = 0; i < samples; ++i) {
            const double at = random.uniform() * sums.back();
            const auto place = std::upper_bound(sums.begin(), sums.end() - 1, at);
            *y++ = static_cast<I>(place - sums.begin());
          }
        }
      };
    });
  });
}

Operator random(std::string name, const char* first, const char* second) {
  return {.name = std::move(name),
          .attributes = {{"dtype", AttributeKind::integer},
                         {"seed", AttributeKind::real},
                         {first, AttributeKind::real},
                         {second, AttributeKind::real}},
          .foldable = false,
          .infer = infer_like};
}

Operator shaped(Operator op) {
  op.min_inputs = 0;
  op.max_inputs = 0;
  op.attributes.push_back({"shape", AttributeKind::integers});
  op.infer = infer_shaped;
  return op;
}

}  // namespace

void register_random(OperatorRegistry& registry) {
  Operator normal = random("RandomNormalLike", "mean", "scale");
  normal.prepare = prepare_normal;
  registry.add(normal);
  normal.name = "RandomNormal";
  registry.add(shaped(normal));
  Operator uniform = random("RandomUniformLike", "low", "high");
  uniform.prepare = prepare_uniform;
  registry.add(uniform);
  uniform.name = "RandomUniform";
  registry.add(shaped(uniform));
  registry.add({.name = "Bernoulli",
                .attributes = {{"dtype", AttributeKind::integer}, {"seed", AttributeKind::real}},
                .types = Floats::list(),
                .foldable = false,
                .infer = infer_bernoulli,
                .prepare = prepare_bernoulli});
  registry.add({.name = "Multinomial",
                .attributes = {{"dtype", AttributeKind::integer},
                               {"sample_size", AttributeKind::integer},
                               {"seed", AttributeKind::real}},
                .types = Floats::list(),
                .foldable = false,
                .infer = infer_multinomial,
                .prepare = prepare_multinomial});
}

}  // namespace betimes::graph
