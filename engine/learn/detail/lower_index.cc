// Looking things up and writing them to computed places.
#include <algorithm>
#include <numeric>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

std::string gather(const Call& call, const std::string& from, const std::string& places,
                   int64_t axis) {
  return call.add("Gather", {from, places}, {{"axis", axis}});
}

// embedding(weight, indices, ...)
void embedding(const Call& call) { call.result(gather(call, call.tensor(0), call.tensor(1), 0)); }

// index_select(x, axis, indices)
void index_select(const Call& call) {
  call.result(gather(call, call.tensor(0), call.tensor(2), call.axis(1)));
}

// gather(x, axis, indices, sparse)
void gather_elements(const Call& call) {
  call.result(
      call.add("GatherElements", {call.tensor(0), call.tensor(2)}, {{"axis", call.axis(1)}}));
}

// repeat_interleave(x, times, axis)
void repeat_interleave(const Call& call) {
  if (!call.is_number(1)) call.refuse("repeats by a tensor", "a fixed number of times");
  if (call.is_none(2)) call.refuse("flattens", "an axis");
  const int64_t axis = call.axis(2), times = call.integer(1);
  const at::Tensor places = at::arange(call.fixed_extent(0, axis)).repeat_interleave(times);
  call.result(gather(call, call.tensor(0), call.builder().constant(places), axis));
}

// one_hot(x, classes)
void one_hot(const Call& call) {
  const int64_t classes = call.integer(1);
  if (classes < 0) call.refuse("derives the number of classes from the data", "a fixed number");
  call.result(call.add("OneHot", {call.tensor(0), call.builder().constant(Integers{classes}),
                                  call.builder().constant(Integers{0, 1})}));
}

/// x[i, j, ...] with index tensors for the first axes: their names, int64, in one shape.
struct Places {
  std::vector<std::string> names;  // "" for an axis that is taken whole
  int64_t first = 0;               // axis with the first of them
  int64_t count = 0;
};

Places places(const Call& call, size_t i) {
  Places found{call.tensors(i), 0, 0};
  const auto given = [](const std::string& name) { return !name.empty(); };
  const auto begin = std::find_if(found.names.begin(), found.names.end(), given);
  if (begin == found.names.end()) call.refuse("indexes nothing");
  found.first = begin - found.names.begin();
  found.count = std::count_if(begin, found.names.end(), given);
  const auto end = begin + found.count;
  if (!std::all_of(begin, end, given)) call.refuse("indexes axes with others between them");
  const auto types = call.types_of_list(i);
  for (int64_t axis = found.first; axis < found.first + found.count; ++axis) {
    const at::ScalarType type = types[static_cast<size_t>(axis)];
    if (type == at::kBool || type == at::kByte) {
      call.refuse("picks as many elements as a mask has true values", "where or masked_fill");
    }
  }
  return found;
}

/// Index tensors as one [..., count], for GatherND and ScatterND. `shape`: of the indices together.
std::string coordinates(const Call& call, const Places& p, const std::string& shape) {
  const std::string last = call.builder().constant(Integers{-1});
  std::vector<std::string> parts;
  for (int64_t i = 0; i < p.count; ++i) {
    const std::string wide =
        p.count == 1 ? p.names[static_cast<size_t>(p.first)]
                     : call.add("Expand", {p.names[static_cast<size_t>(p.first + i)], shape});
    parts.push_back(call.add("Unsqueeze", {wide, last}));
  }
  return parts.size() == 1 ? parts[0] : call.add("Concat", parts, {{"axis", int64_t{-1}}});
}

/// Extents and their growth, axes `begin` to `end` of them.
std::string part_of_extents(const Call& call, const Shape& shape, const Shape& growth, size_t begin,
                            size_t end) {
  const auto cut = [&](const Shape& all) {
    return Shape(all.begin() + static_cast<int64_t>(begin),
                 all.begin() + static_cast<int64_t>(end));
  };
  return call.builder().extents(cut(shape), cut(growth));
}

// index(x, indices)
void index(const Call& call) {
  const Places p = places(call, 1);
  if (p.count == 1) {
    const auto at = static_cast<size_t>(p.first);
    return call.result(gather(call, call.tensor(0), p.names[at], p.first));
  }
  if (p.first != 0) call.refuse("indexes several axes after one taken whole", "the first axes");
  const auto kept = static_cast<size_t>(call.rank(0) - p.count);
  const Shape out = call.out_shape();
  const std::string shape = part_of_extents(call, out, call.out_growth(), 0, out.size() - kept);
  call.result(call.add("GatherND", {call.tensor(0), coordinates(call, p, shape)}));
}

// index_put(x, indices, values, accumulate)
void index_put(const Call& call) {
  const Places p = places(call, 1);
  if (p.first != 0) call.refuse("writes behind an axis taken whole", "the first axes");
  const auto kept = static_cast<size_t>(call.rank(0) - p.count);
  const auto [shape, growth] = call.shape_of_list_together(1);
  const std::string where = coordinates(call, p, call.builder().extents(shape, growth));
  Shape whole = shape, whole_growth = growth;
  for (size_t i = call.shape(0).size() - kept; i < call.shape(0).size(); ++i) {
    whole.push_back(call.shape(0)[i]);
    whole_growth.push_back(call.growth(0)[i]);
  }
  const std::string values =
      call.add("Expand", {operand(call, 2), call.builder().extents(whole, whole_growth)});
  call.result(call.add("ScatterND", {call.tensor(0), where, values},
                       {{"reduction", call.flag(3) ? "add" : "none"}}));
}

// index_add(x, axis, indices, values, alpha): sums of the rows that share an index
void index_add(const Call& call) {
  if (call.axis(1) != 0) call.refuse("adds along another axis than the first", "axis 0");
  std::string values = operand(call, 3);
  if (call.real(4) != 1.0) values = call.add("Mul", {values, call.scalar(call.real(4))});
  const std::string last = call.builder().constant(Integers{-1});
  call.result(call.add("ScatterND",
                       {call.tensor(0), call.add("Unsqueeze", {call.tensor(2), last}), values},
                       {{"reduction", "add"}}));
}

/// scatter(x, axis, indices, values or a number), scatter_add(x, axis, indices, values)
std::function<void(const Call&)> scatter(std::string reduction) {
  return [reduction](const Call& call) {
    if (call.operands() > 4) call.refuse("combines what it writes", "scatter or scatter_add");
    std::string values;
    if (call.is_number(3)) {
      values = call.add("Expand", {call.scalar(call.real(3)),
                                   call.builder().extents(call.shape(2), call.growth(2))});
    } else {
      if (call.shape(3) != call.shape(2)) call.refuse("has more values than indices");
      values = call.tensor(3);
    }
    call.result(call.add("ScatterElements", {call.tensor(0), call.tensor(2), values},
                         {{"axis", call.axis(1)}, {"reduction", reduction}}));
  };
}

/// The common length of bags whose offsets are known; nullopt where they differ or are computed.
std::optional<int64_t> bag_length(const Call& call, bool closed) {
  const auto offsets = call.known(2);
  if (!offsets || call.rank(1) != 1 || offsets->numel() == 0) return std::nullopt;
  const int64_t bags = offsets->numel() - (closed ? 1 : 0);
  const int64_t total = call.shape(1)[0];
  if (bags < 1 || total % bags != 0) return std::nullopt;
  const at::Tensor even = at::arange(offsets->numel()) * (total / bags);
  if (!at::equal(offsets->to(at::kLong), even)) return std::nullopt;
  return total / bags;
}

enum BagMode { sum = 0, mean = 1, max = 2 };

/// Bags of one length: the rows as [bags, length, width], reduced.
void even_bags(const Call& call, const std::string& rows, int64_t length) {
  const std::string bags =
      call.add("Reshape", {rows, call.builder().constant(Integers{-1, length, call.shape(0)[1]})});
  const int64_t mode = call.integer(4);
  if (mode == sum) {
    return call.results({call.add("ReduceSum", {bags, call.builder().constant(Integers{1})},
                                  {{"keepdims", int64_t{0}}}),
                         "", "", ""});
  }
  call.results({call.add(mode == mean ? "ReduceMean" : "ReduceMax", {bags},
                         {{"axes", Integers{1}}, {"keepdims", int64_t{0}}}),
                "", "", ""});
}

/// Bags of any lengths, also of none: which rows lie in which bag, times the rows.
void uneven_bags(const Call& call, const std::string& rows, bool closed) {
  const int64_t mode = call.integer(4);
  if (mode == max) call.refuse("takes the largest of bags of unequal length", "sum or mean");
  auto& builder = call.builder();
  const int64_t total = call.fixed_extent(1, 0);
  const at::ScalarType type = call.type(2);
  std::string begin = call.tensor(2), end;
  if (closed) {
    const auto cut = [&](int64_t from, int64_t to) {
      return call.add("Slice", {call.tensor(2), builder.constant(Integers{from}),
                                builder.constant(Integers{to}), builder.constant(Integers{0})});
    };
    const int64_t last = call.fixed_extent(2, 0);
    begin = cut(0, last - 1);
    end = cut(1, last);
  } else {
    const std::string rest = call.add("Slice", {call.tensor(2), builder.constant(Integers{1}),
                                                builder.constant(Integers{call.fixed_extent(2, 0)}),
                                                builder.constant(Integers{0})});
    end = call.add("Concat", {rest, builder.constant(at::full({1}, total, type))},
                   {{"axis", int64_t{0}}});
  }
  const std::string column = builder.constant(Integers{1});
  const std::string places = builder.constant(at::arange(total, type));
  const std::string from = call.add("Unsqueeze", {begin, column});
  const std::string to = call.add("Unsqueeze", {end, column});
  const std::string inside =
      call.add("And", {call.add("GreaterOrEqual", {places, from}), call.add("Less", {places, to})});
  const std::string share = cast(call, inside, call.type(0));
  std::string result = call.add("MatMul", {share, rows});
  if (mode == mean) {
    const std::string count = call.add("ReduceSum", {share, column}, {{"keepdims", int64_t{1}}});
    result = call.add("Div", {result, call.add("Max", {count, call.scalar(1.0)})});
  }
  call.results({result, "", "", ""});
}

// embedding_bag(weight, indices, offsets, by_freq, mode, sparse, weights, closed, padding)
void embedding_bag(const Call& call) {
  if (!call.is_none(8) && call.integer(8) >= 0)
    call.refuse("leaves out an index", "no padding_idx");
  const bool closed = call.flag(7);
  std::string rows = gather(call, call.tensor(0), call.tensor(1), 0);
  if (!call.is_none(6)) {
    rows = call.add(
        "Mul",
        {rows, call.add("Unsqueeze", {call.tensor(6), call.builder().constant(Integers{1})})});
  }
  if (const auto length = bag_length(call, closed)) return even_bags(call, rows, *length);
  uneven_bags(call, rows, closed);
}

}  // namespace

std::span<const Lowering> index_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::embedding", embedding},
      {"aten::embedding_bag", embedding_bag},
      {"aten::gather", gather_elements},
      {"aten::index", index},
      {"aten::index_add", index_add},
      {"aten::index_put", index_put},
      {"aten::index_select", index_select},
      {"aten::one_hot", one_hot},
      {"aten::repeat_interleave", repeat_interleave},
      {"aten::scatter", scatter("none")},
      {"aten::scatter_add", scatter("add")},
  };
  return list;
}

}  // namespace betimes::learn::detail
