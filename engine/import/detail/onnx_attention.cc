// Attention, MultiHeadAttention and RotaryEmbedding of domain com.microsoft, written out in ONNX's
// operators. Their definitions are those of ONNX Runtime's docs/ContribOperators.md, and of its CPU
// kernels where the text leaves something open.
#include <limits>

#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Integers = std::vector<int64_t>;
using Names = Formula::Names;

[[noreturn]] void refuse(const Node& node, const std::string& what, const std::string& right = {}) {
  throw Error(describe(node), what + " isn't supported", right);
}

void refuse_input(const Node& node, size_t input, const char* name) {
  if (!input_or_none(node, input).empty()) refuse(node, std::string("input '") + name + "'");
}

void refuse_flag(const Node& node, const char* key) {
  if (node.get(key, int64_t{0}) != 0) refuse(node, std::string("attribute '") + key + "'", "0");
}

int64_t heads_of(const Node& node) {
  const int64_t heads = node.get("num_heads", int64_t{0});
  if (heads < 1) throw Error(describe(node), "has no heads", "attribute 'num_heads' above 0");
  return heads;
}

/// Extent `axis` of a value, as a vector of one.
std::string extent(Formula& f, const std::string& value, int64_t axis) {
  return f.apply("Shape", {value}, {{"start", axis}, {"end", axis + 1}});
}

std::string real(Formula& f, const std::string& value) {
  return f.apply("Cast", {value}, {{"to", int64_t{1}}});
}

/// A vector of one as a scalar.
std::string scalar(Formula& f, const std::string& value) {
  return f.apply("Squeeze", {value, f.integers("first", {0})});
}

Names split(Formula& f, size_t count, Names inputs, int64_t axis) {
  return f.apply_for(count, "Split", std::move(inputs), {{"axis", axis}});
}

/// 0, 1, ... up to the vector of one `count`, int64.
std::string counting(Formula& f, const std::string& count) {
  const auto zero = scalar(f, f.integers("zero", {0}));
  const auto one = scalar(f, f.integers("one", {1}));
  return f.apply("Range", {zero, scalar(f, count), one});
}

/// [batch, length, heads * size] as [batch, length, heads, size].
std::string by_head(Formula& f, const std::string& x, int64_t heads) {
  return f.apply("Reshape", {x, f.integers("by_head", {0, 0, heads, -1})});
}

std::string moved(Formula& f, const std::string& x, const Integers& order) {
  return f.apply("Transpose", {x}, {{"perm", order}});
}

/// What attends to what.
struct Heads {
  std::string query;  // [batch, heads, queries, size]
  std::string keys;   // [batch, heads, size, keys]
  std::string value;  // [batch, heads, keys, size]
};

/// `past` followed by `now` along the length.
std::string continued(Formula& f, const std::string& past, const std::string& now) {
  return past.empty() ? now : f.apply("Concat", {past, now}, {{"axis", int64_t{2}}});
}

/// Keys and values [batch, heads, length, size] that come before those of the node; with `kept`,
/// and afterwards, all of them.
struct Past {
  std::string key;
  std::string value;
  bool kept = false;
};

/// Query, key and value [batch, length, heads * size] as heads, and the past as it then is.
Heads heads_from(Formula& f, const Names& parts, int64_t count, Past& past) {
  const auto query = moved(f, by_head(f, parts[0], count), {0, 2, 1, 3});
  const auto key = by_head(f, parts[1], count);
  past.value = continued(f, past.value, moved(f, by_head(f, parts[2], count), {0, 2, 1, 3}));
  // Turned at once where nothing comes between.
  if (past.key.empty() && !past.kept) return {query, moved(f, key, {0, 2, 3, 1}), past.value};
  past.key = continued(f, past.key, moved(f, key, {0, 2, 1, 3}));
  return {query, moved(f, past.key, {0, 1, 3, 2}), past.value};
}

/// 0 where the condition holds, `otherwise` elsewhere.
std::string penalty(Formula& f, const std::string& condition, double otherwise) {
  return f.apply("Where", {condition, f.constant("seen", 0), f.constant("unseen", otherwise)});
}

/// [batch] lengths, or [2 batch] ends and then starts, as a condition [batch, keys]: key k counts
/// where start <= k < end.
std::string within_lengths(Formula& f, const std::string& mask, const Heads& heads) {
  const auto batch = extent(f, heads.keys, 0);
  const auto count = f.apply("Concat", {f.integers("open", {-1}), batch}, {{"axis", int64_t{0}}});
  const auto given = f.apply("Reshape", {real(f, mask), count});  // one row or two
  const auto both = f.apply("Concat", {f.integers("two", {2}), batch}, {{"axis", int64_t{0}}});
  // With ends only, these stand for the starts as well until multiplied by 0. Other numbers of rows
  // don't expand to two, and are refused there.
  const auto rows = split(f, 2, {f.apply("Expand", {given, both})}, 0);
  const auto more = f.apply("Sub", {extent(f, given, 0), f.integers("one", {1})});
  const auto starts = f.apply("Mul", {rows[1], real(f, more)});
  const auto keys = real(f, counting(f, extent(f, heads.keys, 3)));
  const auto column = f.integers("column", {-1, 1});
  const auto before_end = f.apply("Less", {keys, f.apply("Reshape", {rows[0], column})});
  const auto after_start = f.apply("GreaterOrEqual", {keys, f.apply("Reshape", {starts, column})});
  return f.apply("And", {before_end, after_start});
}

/// The mask as what is added to scores [batch, heads, queries, keys].
std::string mask_penalty(Formula& f, const Rewriter& rewriter, const Node& node,
                         const std::string& mask, const Heads& heads) {
  const double filter = node.get("mask_filter_value", -10000.0f);
  const auto rank = rewriter.rank(mask);
  if (!rank) refuse(node, "a mask whose rank isn't known", "a declared shape");
  if (*rank < 1 || *rank > 3) {
    refuse(node, "a mask of rank " + std::to_string(*rank), "rank 1 to 3");
  }
  const auto condition = *rank == 1 ? within_lengths(f, mask, heads)
                                    : f.apply("Greater", {real(f, mask), f.constant("masked", 0)});
  const Integers axes = *rank == 3 ? Integers{1} : Integers{1, 2};
  return f.apply("Unsqueeze", {penalty(f, condition, filter), f.integers("axes", axes)});
}

/// What is added to scores so that no query sees keys after its own; the last query's own is the
/// last key.
std::string causal_penalty(Formula& f, const Heads& heads) {
  const auto queries = extent(f, heads.query, 2);
  const auto keys = extent(f, heads.keys, 3);
  const auto past = f.apply("Sub", {keys, queries});
  const auto last = f.apply("Add", {counting(f, queries), past});
  const auto column = f.apply("Unsqueeze", {last, f.integers("axes", {1})});
  const auto seen = f.apply("LessOrEqual", {counting(f, keys), column});
  return penalty(f, seen, std::numeric_limits<float>::lowest());
}

/// The query in units that make its products with keys the scores.
std::string scaled_query(Formula& f, const Node& node, const std::string& query) {
  const float scale = node.get("scale", 0.0f);
  if (scale != 0) return f.apply("Mul", {query, f.constant("scale", scale)});
  const auto size = real(f, extent(f, query, 3));
  return f.apply("Mul", {query, f.apply("Reciprocal", {f.apply("Sqrt", {size})})});
}

/// softmax(scale query key' + bias + penalties) value, as [batch, length, heads * size] in output
/// 0.
void attend(Rewriter& rewriter, Formula& f, const Node& node, const Heads& heads,
            const std::string& mask, const std::string& bias) {
  const auto query = scaled_query(f, node, heads.query);
  auto scores = f.apply("MatMul", {query, heads.keys});
  if (!bias.empty()) scores = f.apply("Add", {scores, bias});
  if (!mask.empty()) {
    scores = f.apply("Add", {scores, mask_penalty(f, rewriter, node, mask, heads)});
  }
  if (node.get("unidirectional", int64_t{0}) != 0) {
    scores = f.apply("Add", {scores, causal_penalty(f, heads)});
  }
  const auto weights = f.apply("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const auto mixed = moved(f, f.apply("MatMul", {weights, heads.value}), {0, 2, 1, 3});
  f.finish("Reshape", {mixed, f.integers("joined", {0, 0, -1})});
}

/// input, weights, bias, mask_index, past, attention_bias, past_sequence_length
void attention(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const int64_t count = heads_of(node);
  refuse_flag(node, "do_rotary");
  refuse_flag(node, "past_present_share_buffer");
  refuse_input(node, 6, "past_sequence_length");
  auto all = f.apply("MatMul", {required(node, 0), required(node, 1)});
  if (const auto& bias = input_or_none(node, 2); !bias.empty()) all = f.apply("Add", {all, bias});
  Names parts = {all};
  if (const auto sizes = node.get("qkv_hidden_sizes", Integers{}); !sizes.empty()) {
    if (sizes.size() != 3) throw Error(describe(node), "qkv_hidden_sizes has no 3 numbers");
    parts.push_back(f.integers("sizes", sizes));
  }
  parts = split(f, 3, parts, 2);
  const auto first = f.integers("first", {0});
  Past past{{}, {}, f.wanted(1)};
  if (const std::string& both = input_or_none(node, 4); !both.empty()) {
    const Names each = split(f, 2, {both}, 0);
    past.key = f.apply("Squeeze", {each[0], first});
    past.value = f.apply("Squeeze", {each[1], first});
  }
  const Heads heads = heads_from(f, parts, count, past);
  if (f.wanted(1)) {
    const auto key = f.apply("Unsqueeze", {past.key, first});
    const auto value = f.apply("Unsqueeze", {past.value, first});
    f.finish("Concat", {key, value}, {{"axis", int64_t{0}}}, 1);
  }
  attend(rewriter, f, node, heads, input_or_none(node, 3), input_or_none(node, 5));
}

/// input, weight, bias, input_scale, weight_scale, mask_index, input_zero, weight_zero, past: the
/// same with input and weight in 8 bits.
void quantized_attention(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  Node real = node;
  real.inputs = {f.dequantized(0, 3, 6), f.dequantized(1, 4, 7), input_or_none(node, 2),
                 input_or_none(node, 5), input_or_none(node, 8)};
  attention(rewriter, std::move(real));
}

/// Adds the three parts of a bias [query + key + value] to the inputs they belong to.
void add_biases(Formula& f, const std::string& bias, Names& parts) {
  Names sizes;
  for (const std::string& part : parts) sizes.push_back(extent(f, part, 2));
  const auto all = f.apply("Concat", sizes, {{"axis", int64_t{0}}});
  const Names biases = split(f, 3, {bias, all}, 0);
  for (size_t i = 0; i < 3; ++i) parts[i] = f.apply("Add", {parts[i], biases[i]});
}

/// query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value,
/// past_sequence_length, cache_indirection
void multi_head_attention(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  const int64_t count = heads_of(node);
  refuse_input(node, 8, "past_sequence_length");
  refuse_input(node, 9, "cache_indirection");
  if (f.wanted(3)) refuse(node, "output 'qk'");
  Names parts = {required(node, 0), input_or_none(node, 1), input_or_none(node, 2)};
  if (parts[1].empty() || parts[2].empty()) {
    refuse(node, "query, key and value in one input", "three inputs");
  }
  for (const std::string& part : parts) {
    if (rewriter.rank(part).value_or(3) != 3) {
      refuse(node, "an input of rank " + std::to_string(*rewriter.rank(part)), "rank 3");
    }
  }
  if (const auto& bias = input_or_none(node, 3); !bias.empty()) add_biases(f, bias, parts);
  Past past{input_or_none(node, 6), input_or_none(node, 7), f.wanted(1)};
  if (past.key.empty() != past.value.empty()) refuse(node, "one of past_key and past_value");
  const Heads heads = heads_from(f, parts, count, past);
  if (f.wanted(1)) f.finish("Identity", {past.key}, {}, 1);
  if (f.wanted(2)) f.finish("Identity", {past.value}, {}, 2);
  attend(rewriter, f, node, heads, input_or_none(node, 4), input_or_none(node, 5));
}

/// The rows of a table [positions, size / 2] for [batch, length, heads, size]: those asked for, or
/// `length` of them from the only position given on.
std::string rotation(Rewriter& rewriter, Formula& f, const Node& node, const std::string& table,
                     const std::string& x) {
  std::string positions = required(node, 1);
  const auto rank = rewriter.rank(positions);
  if (!rank || *rank < 1 || *rank > 2) {
    refuse(node, "positions of a rank other than 1 and 2, or one that isn't known");
  }
  if (*rank == 1) positions = f.apply("Add", {counting(f, extent(f, x, 1)), positions});
  const auto rows = f.apply("Gather", {table, positions});
  return f.apply("Unsqueeze", {rows, f.integers("axes", {-2})});
}

/// The two halves of each head, or its even and its odd elements.
Names rotated_pairs(Formula& f, const std::string& x, bool interleaved) {
  if (!interleaved) return split(f, 2, {x}, 3);
  const auto pairs = f.apply("Reshape", {x, f.integers("pairs", {0, 0, 0, -1, 2})});
  Names parts = split(f, 2, {pairs}, 4);
  for (std::string& part : parts) part = f.apply("Squeeze", {part, f.integers("last", {4})});
  return parts;
}

std::string joined_pairs(Formula& f, Names parts, bool interleaved) {
  if (!interleaved) return f.apply("Concat", std::move(parts), {{"axis", int64_t{3}}});
  for (std::string& part : parts) {
    part = f.apply("Unsqueeze", {part, f.integers("last", {4})});
  }
  const auto pairs = f.apply("Concat", std::move(parts), {{"axis", int64_t{4}}});
  return f.apply("Reshape", {pairs, f.integers("joined", {0, 0, 0, -1})});
}

/// input, position_ids, cos_cache, sin_cache: Su et al., "RoFormer", 2021.
void rotary_embedding(Rewriter& rewriter, Node node) {  // NOLINT: rules take their node
  Formula f(rewriter, node);
  refuse_flag(node, "is_packed_batching");
  if (node.get("scale", 1.0f) != 1) refuse(node, "attribute 'scale'", "1");
  const std::string input = required(node, 0);
  const auto rank = rewriter.rank(input);
  if (rank != 3u && rank != 4u) refuse(node, "an input of a rank other than 3 and 4");
  const bool interleaved = node.get("interleaved", int64_t{0}) != 0;
  const int64_t turned = node.get("rotary_embedding_dim", int64_t{0});
  const std::string cosines = required(node, 2);
  std::string x = input;
  if (rank == 4u) {
    x = moved(f, input, {0, 2, 1, 3});
  } else if (turned > 0) {
    x = by_head(f, input, heads_of(node));
  } else {
    // A head's size is twice the table's width.
    const auto size = f.apply("Mul", {extent(f, cosines, 1), f.integers("two", {2})});
    const auto shape =
        f.apply("Concat", {f.integers("by_head", {0, 0, -1}), size}, {{"axis", int64_t{0}}});
    x = f.apply("Reshape", {input, shape});
  }
  const auto c = rotation(rewriter, f, node, cosines, x);
  const auto s = rotation(rewriter, f, node, required(node, 3), x);
  std::string head = x;
  std::string rest;
  if (turned > 0) {
    const auto axis = f.integers("axis", {3});
    const auto limit = f.integers("limit", {turned});
    const auto end = f.integers("end", {std::numeric_limits<int64_t>::max()});
    head = f.apply("Slice", {x, f.integers("begin", {0}), limit, axis});
    rest = f.apply("Slice", {x, limit, end, axis});
  }
  const Names p = rotated_pairs(f, head, interleaved);
  const auto product = [&](const std::string& a, const std::string& b) {
    return f.apply("Mul", {a, b});
  };
  auto y = joined_pairs(f,
                        {f.apply("Sub", {product(p[0], c), product(p[1], s)}),
                         f.apply("Add", {product(p[1], c), product(p[0], s)})},
                        interleaved);
  if (!rest.empty()) y = f.apply("Concat", {y, rest}, {{"axis", int64_t{3}}});
  if (rank == 4u) return f.finish("Transpose", {y}, {{"perm", Integers{0, 2, 1, 3}}});
  f.finish("Reshape", {y, f.integers("flat", {0, 0, -1})});
}

constexpr int oldest = 7;
constexpr int newest = 21;
constexpr RuleEntry rules[] = {
    {"Attention", oldest, newest, attention},
    {"QAttention", oldest, newest, quantized_attention},
    {"MultiHeadAttention", oldest, newest, multi_head_attention},
    {"RotaryEmbedding", oldest, newest, rotary_embedding},
};

}  // namespace

std::span<const RuleEntry> attention_forms() { return rules; }

}  // namespace betimes::import::detail
