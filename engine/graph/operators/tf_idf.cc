// TfIdfVectorizer (9) of integers.
#include <algorithm>
#include <limits>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;
using Ints = std::vector<int64_t>;

/// The n-grams of one length.
struct Grams {
  size_t length = 1;
  size_t first = 0;            // number of the first one, over all lengths
  std::vector<int64_t> items;  // one n-gram after another
  std::vector<size_t> sorted;  // places in them, by their items
  bool counted = true;         // whether the length is one that is looked for

  const int64_t* begin(size_t i) const { return items.data() + i * length; }
};

enum class Mode : uint8_t { tf, idf, tf_idf };

struct Vocabulary {
  Mode mode = Mode::tf;
  int64_t skips = 0;  // the most items between neighbours of an n-gram
  std::vector<Grams> grams;
  Ints columns;  // per n-gram: its place in the output
  std::vector<float> weights;
  int64_t width = 0;

  explicit Vocabulary(const NodeContext& context);

 private:
  void add(const NodeContext& context, const Ints& pool, int64_t from, int64_t to, bool counted);
  void read_columns(const NodeContext& context, size_t count);
};

Mode mode_of(const NodeContext& context) {
  const std::string name = context.node.get("mode", "");
  if (name == "TF") return Mode::tf;
  if (name == "IDF") return Mode::idf;
  if (name != "TFIDF") fail(context, "mode is '" + name + "'", "TF, IDF or TFIDF");
  return Mode::tf_idf;
}

void Vocabulary::add(const NodeContext& context, const Ints& pool, int64_t from, int64_t to,
                     bool counted) {
  Grams next;
  next.length = grams.size() + 1;
  next.counted = counted;
  if (!grams.empty()) next.first = grams.back().first + grams.back().sorted.size();
  bounded(context, "ngram_counts", from, 0, to);
  if ((to - from) % static_cast<int64_t>(next.length) != 0) {
    fail(context, "has " + std::to_string(to - from) + " items for n-grams of " +
                      std::to_string(next.length));
  }
  next.items.assign(pool.begin() + from, pool.begin() + to);
  next.sorted.resize(next.items.size() / next.length);
  for (size_t i = 0; i < next.sorted.size(); ++i) next.sorted[i] = i;
  const auto less = [&](size_t a, size_t b) {
    return std::lexicographical_compare(next.begin(a), next.begin(a) + next.length, next.begin(b),
                                        next.begin(b) + next.length);
  };
  std::sort(next.sorted.begin(), next.sorted.end(), less);
  for (size_t i = 1; i < next.sorted.size(); ++i) {
    if (!less(next.sorted[i - 1], next.sorted[i])) fail(context, "has the same n-gram twice");
  }
  grams.push_back(std::move(next));
}

void Vocabulary::read_columns(const NodeContext& context, size_t count) {
  columns = context.node.get("ngram_indexes", Ints{});
  weights = context.node.get("weights", std::vector<float>(count, 1.0f));
  if (columns.empty() || columns.size() != count || weights.size() != count) {
    fail(context, "has " + std::to_string(columns.size()) + " ngram_indexes and " +
                      std::to_string(weights.size()) + " weights for " + std::to_string(count) +
                      " n-grams");
  }
  for (const int64_t column : columns) {
    bounded(context, "ngram_indexes", column, 0, int64_t{1} << 31);
    width = std::max(width, column + 1);
  }
}

Vocabulary::Vocabulary(const NodeContext& context) : mode(mode_of(context)) {
  if (context.node.has("pool_strings")) {
    fail(context, "its n-grams are of strings, which isn't supported", "pool_int64s");
  }
  const Ints pool = context.node.get("pool_int64s", Ints{});
  Ints starts = context.node.get("ngram_counts", Ints{});
  const auto lengths = std::ssize(starts);
  const auto get = [&](const char* key) { return context.node.get(key, int64_t{-1}); };
  const int64_t longest = bounded(context, "max_gram_length", get("max_gram_length"), 1, lengths);
  const int64_t shortest = bounded(context, "min_gram_length", get("min_gram_length"), 1, longest);
  skips = bounded(context, "max_skip_count", get("max_skip_count"), 0,
                  std::numeric_limits<int32_t>::max());
  starts.push_back(std::ssize(pool));
  for (size_t i = starts.size() - 1; i-- > 0;) {
    bounded(context, "ngram_counts", starts[i], 0, starts[i + 1]);
  }
  for (int64_t i = 0; i < lengths; ++i) {
    const auto at = static_cast<size_t>(i);
    add(context, pool, starts[at], starts[at + 1], i + 1 >= shortest && i + 1 <= longest);
  }
  read_columns(context, grams.back().first + grams.back().sorted.size());
}

/// Which n-gram the items x[0], x[step], ... are, or none of them.
template <class T>
const size_t* find(const Grams& grams, const T* x, size_t step) {
  // Of an n-gram and the items: -1, 0 or 1.
  const auto order = [&](size_t gram) {
    const int64_t* item = grams.begin(gram);
    for (size_t i = 0; i < grams.length; ++i) {
      const int64_t value = x[i * step];
      if (item[i] != value) return item[i] < value ? -1 : 1;
    }
    return 0;
  };
  const auto at = std::partition_point(grams.sorted.begin(), grams.sorted.end(),
                                       [&](size_t gram) { return order(gram) < 0; });
  return at != grams.sorted.end() && order(*at) == 0 ? &*at : nullptr;
}

/// Counts each n-gram among `length` items.
template <class T>
void count(const Vocabulary& words, const T* x, int64_t length, std::span<int64_t> counts) {
  std::fill(counts.begin(), counts.end(), 0);
  for (const Grams& grams : words.grams) {
    if (!grams.counted || grams.sorted.empty()) continue;
    const auto more = static_cast<int64_t>(grams.length) - 1;
    // Single items have nothing between them to skip.
    const int64_t widest = more == 0 ? 1 : words.skips + 1;
    for (int64_t step = 1; step <= widest && more * step < length; ++step) {
      for (int64_t i = 0; i + more * step < length; ++i) {
        if (const size_t* gram = find(grams, x + i, static_cast<size_t>(step))) {
          ++counts[grams.first + *gram];
        }
      }
    }
  }
}

void write(const Vocabulary& words, std::span<const int64_t> counts, float* y) {
  std::fill_n(y, words.width, 0.0f);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const float times = words.mode == Mode::idf ? 1.0f : static_cast<float>(counts[i]);
    y[words.columns[i]] += words.mode == Mode::tf ? times : times * words.weights[i];
  }
}

/// A few bytes of file can ask for n-grams at every distance of a long row.
void check_work(const NodeContext& context, const Vocabulary& words) {
  constexpr double most = 0x1p36;
  const auto length = static_cast<double>(context.shape(0).back());
  const double looks = static_cast<double>(element_count(context.shape(0))) *
                       static_cast<double>(words.grams.size()) *
                       std::min(length, static_cast<double>(words.skips) + 1);
  if (looks > most) fail(context, "asks for an absurd number of n-grams");
}

std::vector<TensorType> infer_tf_idf(const NodeContext& context) {
  require_rank(context, 0, 1, 2);
  const Vocabulary words(context);
  check_work(context, words);
  Shape shape = context.shape(0);
  shape.back() = words.width;
  return one(DType::f32, shape);
}

Evaluator prepare_tf_idf(const NodeContext& context, std::span<const TensorType>) {
  Vocabulary words(context);
  const Shape& shape = context.shape(0);
  const int64_t rows = shape.size() == 1 ? 1 : shape[0];
  return Indices::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [rows, words, length = shape.back(), counts = Ints(words.columns.size())](
               auto inputs, auto outputs) mutable {
      const T* x = inputs[0].template as<const T>();
      float* y = outputs[0].template as<float>();
      for (int64_t row = 0; row < rows; ++row, x += length, y += words.width) {
        count(words, x, length, counts);
        write(words, counts, y);
      }
    };
  });
}

}  // namespace

void register_tf_idf(OperatorRegistry& registry) {
  registry.add({.name = "TfIdfVectorizer",
                .attributes = {{"max_gram_length", AttributeKind::integer},
                               {"max_skip_count", AttributeKind::integer},
                               {"min_gram_length", AttributeKind::integer},
                               {"mode", AttributeKind::text},
                               {"ngram_counts", AttributeKind::integers},
                               {"ngram_indexes", AttributeKind::integers},
                               {"pool_int64s", AttributeKind::integers},
                               {"pool_strings", AttributeKind::texts},
                               {"weights", AttributeKind::reals}},
                .types = Indices::list(),
                .infer = infer_tf_idf,
                .prepare = prepare_tf_idf});
}

}  // namespace betimes::graph
