// GatherND (13), ScatterElements (16), ScatterND (16).
#include <algorithm>
#include <cstring>
#include <numeric>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/index.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// How tuples of indices, the last axis of `indices`, address blocks of a tensor.
struct Tuples {
  int64_t batches = 1;                    // leading axes that data and indices share
  int64_t count = 0;                      // tuples in each batch
  int64_t length = 0;                     // numbers in a tuple
  int64_t batch = 1;                      // elements of the data in each batch
  int64_t block = 1;                      // elements that a tuple addresses
  std::vector<int64_t> extents, strides;  // of the axes that a tuple indexes

  Tuples(const Shape& data, const Shape& indices, size_t batch_dims) : length(indices.back()) {
    const auto first = static_cast<std::ptrdiff_t>(batch_dims);
    const auto last = first + static_cast<std::ptrdiff_t>(length);
    batches = element_count({data.begin(), data.begin() + first});
    count = element_count({indices.begin() + first, indices.end() - 1});
    batch = element_count({data.begin() + first, data.end()});
    block = element_count({data.begin() + last, data.end()});
    extents.assign(data.begin() + first, data.begin() + last);
    strides.assign(extents.size(), block);
    for (size_t i = extents.size(); i-- > 1;) strides[i - 1] = strides[i] * extents[i];
  }
  /// First element that the tuple addresses, within its batch.
  template <class Index>
  int64_t place(const Index* tuple, const char* op) const {
    int64_t at = 0;
    for (size_t i = 0; i < extents.size(); ++i) {
      at += checked_index(tuple[i], extents[i], op) * strides[i];
    }
    return at;
  }
};

size_t batch_dims_of(const NodeContext& context) {
  const auto most =
      static_cast<int64_t>(std::min(context.shape(0).size(), context.shape(1).size() - 1));
  return static_cast<size_t>(
      bounded(context, "batch_dims", context.node.get("batch_dims", int64_t{0}), 0, most));
}

/// Checks the indices of GatherND and ScatterND.
void check_tuples(const NodeContext& context, size_t batch_dims) {
  require_dtype(context, 1, DType::i64);
  require_rank(context, 0, 1, max_rank);
  require_rank(context, 1, 1, max_rank);
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  for (size_t i = 0; i < batch_dims; ++i) {
    if (data[i] != indices[i]) {
      fail(context, found_input(context, 1), "the first extents of " + to_string(data));
    }
  }
  bounded(context, "the length of an index", indices.back(), batch_dims > 0 ? 1 : 0,
          static_cast<int64_t>(data.size() - batch_dims));
}

std::vector<TensorType> infer_gather_nd(const NodeContext& context) {
  require_rank(context, 1, 1, max_rank);
  const size_t batch_dims = batch_dims_of(context);
  check_tuples(context, batch_dims);
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(batch_dims) + indices.back(),
               data.end());
  return one(context.type(0).dtype, shape);
}

Evaluator prepare_gather_nd(const NodeContext& context, std::span<const TensorType>) {
  const Tuples tuples(context.shape(0), context.shape(1), batch_dims_of(context));
  const size_t width = size_of(context.type(0).dtype);
  return [tuples, width](auto inputs, auto outputs) {
    const auto* from = inputs[0].template as<const std::byte>();
    const int64_t* tuple = inputs[1].template as<const int64_t>();
    auto* to = outputs[0].template as<std::byte>();
    const size_t bytes = static_cast<size_t>(tuples.block) * width;
    for (int64_t b = 0; b < tuples.batches; ++b) {
      for (int64_t i = 0; i < tuples.count; ++i, tuple += tuples.length, to += bytes) {
        const int64_t at = b * tuples.batch + tuples.place(tuple, "GatherND");
        if (bytes > 0) std::memcpy(to, from + static_cast<size_t>(at) * width, bytes);
      }
    }
  };
}

enum class Reduction : uint8_t { none, add, mul, max, min };

Reduction reduction_of(const NodeContext& context) {
  const std::string name = context.node.get("reduction", "none");
  if (name != "none" && context.type(0).dtype == DType::boolean) {
    fail(context, "reduces booleans", "reduction none");
  }
  if (name == "add") return Reduction::add;
  if (name == "mul") return Reduction::mul;
  if (name == "max") return Reduction::max;
  if (name == "min") return Reduction::min;
  if (name != "none") {
    fail(context, "reduction is '" + name + "'", "none, add, mul, max or min");
  }
  return Reduction::none;
}

template <class T>
T reduced(Reduction how, T old, T update) {
  if constexpr (std::is_same_v<T, bool>) {
    return update;
  } else {
    using W = Wrapping<Compute<T>>;
    const auto a = load(old);
    const auto b = load(update);
    switch (how) {
      case Reduction::none:
        return update;
      case Reduction::add:
        return store<T>(static_cast<Compute<T>>(static_cast<W>(a) + static_cast<W>(b)));
      case Reduction::mul:
        return store<T>(static_cast<Compute<T>>(static_cast<W>(a) * static_cast<W>(b)));
      case Reduction::max:
        return b > a || b != b ? update : old;
      case Reduction::min:
        return b < a || b != b ? update : old;
    }
    return update;
  }
}

using Scattered = Types<float, double, float16, bfloat16, int8_t, int16_t, int32_t, int64_t,
                        uint8_t, uint16_t, uint32_t, uint64_t, bool>;

std::vector<TensorType> infer_scatter_elements(const NodeContext& context) {
  require_one_of(context, 1, Indices::list());
  require_same_dtype(context, 2, 0);
  reduction_of(context);
  const size_t rank = context.shape(0).size();
  require_rank(context, 1, rank, rank);
  require_shape(context, 2, context.shape(1));
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{0}), rank);
  for (size_t i = 0; i < rank; ++i) {
    if (i != axis && context.shape(1)[i] > context.shape(0)[i]) {
      fail(context, found_input(context, 1),
           "at most " + to_string(context.shape(0)) + " in all axes but " + std::to_string(axis));
    }
  }
  return same_as_input(context);
}

template <class T, class Index>
Evaluator scatter_elements(const NodeContext& context) {
  const Shape& data = context.shape(0);
  const size_t axis = normalized_axis(context, context.node.get("axis", int64_t{0}), data.size());
  Strides strides = row_major(data);
  const int64_t step = strides[axis];
  strides[axis] = 0;
  const Walk<2> walk(context.shape(1), {strides, row_major(context.shape(1))});
  return [=, how = reduction_of(context), extent = data[axis], count = element_count(data)](
             auto inputs, auto outputs) {
    T* y = outputs[0].template as<T>();
    std::copy_n(inputs[0].template as<const T>(), count, y);
    const Index* indices = inputs[1].template as<const Index>();
    const T* updates = inputs[2].template as<const T>();
    walk.run([&](const Walk<2>::Offsets& at) {
      const int64_t index = checked_index(indices[at[1]], extent, "ScatterElements");
      T& place = y[at[0] + index * step];
      place = reduced(how, place, updates[at[1]]);
    });
  };
}

Evaluator prepare_scatter_elements(const NodeContext& context, std::span<const TensorType>) {
  return Scattered::dispatch(context.type(0).dtype, [&](auto zero) {
    using T = decltype(zero);
    return Indices::dispatch(context.type(1).dtype, [&](auto index) {
      return scatter_elements<T, decltype(index)>(context);
    });
  });
}

std::vector<TensorType> infer_scatter_nd(const NodeContext& context) {
  check_tuples(context, 0);
  require_same_dtype(context, 2, 0);
  reduction_of(context);
  const Shape& data = context.shape(0);
  const Shape& indices = context.shape(1);
  Shape wanted(indices.begin(), indices.end() - 1);
  wanted.insert(wanted.end(), data.begin() + indices.back(), data.end());
  require_shape(context, 2, wanted);
  return same_as_input(context);
}

Evaluator prepare_scatter_nd(const NodeContext& context, std::span<const TensorType>) {
  const Tuples tuples(context.shape(0), context.shape(1), 0);
  return Scattered::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [tuples, how = reduction_of(context)](auto inputs, auto outputs) {
      T* y = outputs[0].template as<T>();
      std::copy_n(inputs[0].template as<const T>(), tuples.batch, y);
      const int64_t* tuple = inputs[1].template as<const int64_t>();
      const T* update = inputs[2].template as<const T>();
      for (int64_t i = 0; i < tuples.count; ++i, tuple += tuples.length) {
        T* block = y + tuples.place(tuple, "ScatterND");
        for (int64_t k = 0; k < tuples.block; ++k) block[k] = reduced(how, block[k], *update++);
      }
    };
  });
}

}  // namespace

void register_scatter(OperatorRegistry& registry) {
  registry.add({.name = "GatherND",
                .min_inputs = 2,
                .max_inputs = 2,
                .attributes = {{"batch_dims", AttributeKind::integer}},
                .infer = infer_gather_nd,
                .prepare = prepare_gather_nd});
  registry.add(
      {.name = "ScatterElements",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"axis", AttributeKind::integer}, {"reduction", AttributeKind::text}},
       .infer = infer_scatter_elements,
       .prepare = prepare_scatter_elements});
  registry.add({.name = "ScatterND",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"reduction", AttributeKind::text}},
                .infer = infer_scatter_nd,
                .prepare = prepare_scatter_nd});
}

}  // namespace betimes::graph
