// Pools over windows and over whole planes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

using PoolingOperators = ::testing::Test;

struct Pool {
  std::string name;
  Shape x;
  Ints kernel, strides, pads;
  Ints dilations = {};
  bool ceil = false;
  std::string auto_pad = "NOTSET";
  bool count_padding = false;
  int64_t p = 2;

  Attributes attributes(const std::string& op) const {
    Attributes all{{"kernel_shape", kernel}, {"strides", strides}};
    if (auto_pad == "NOTSET") {
      all["pads"] = pads;
    } else {
      all["auto_pad"] = auto_pad;
    }
    if (!dilations.empty()) all["dilations"] = dilations;
    if (ceil) all["ceil_mode"] = int64_t{1};
    if (op == "AveragePool" && count_padding) all["count_include_pad"] = int64_t{1};
    if (op == "LpPool" && p != 2) all["p"] = p;
    return all;
  }
};

struct Extents {
  Ints out, begins, ends;
};

Extents extents_of(const Pool& pool) {
  Extents result;
  const size_t rank = pool.kernel.size();
  for (size_t i = 0; i < rank; ++i) {
    const int64_t in = pool.x[2 + i];
    const int64_t stride = pool.strides[i];
    const int64_t reach =
        (pool.kernel[i] - 1) * (pool.dilations.empty() ? 1 : pool.dilations[i]) + 1;
    int64_t begin = pool.auto_pad == "NOTSET" ? pool.pads[i] : 0;
    int64_t end = pool.auto_pad == "NOTSET" ? pool.pads[rank + i] : 0;
    int64_t out = 0;
    if (pool.auto_pad.starts_with("SAME")) {
      out = (in + stride - 1) / stride;
      const int64_t total = std::max<int64_t>(0, (out - 1) * stride + reach - in);
      begin = pool.auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    } else {
      const double steps =
          static_cast<double>(in + begin + end - reach) / static_cast<double>(stride);
      out = static_cast<int64_t>(pool.ceil ? std::ceil(steps) : std::floor(steps)) + 1;
      // A last window that begins in the padding at the end is left out. ONNX says so since opset
      // 19; before, runtimes did it without being told.
      if (pool.ceil && (out - 1) * stride >= in + begin) --out;
    }
    result.out.push_back(out);
    result.begins.push_back(begin);
    result.ends.push_back(end);
  }
  return result;
}

/// The elements that a window sees, and how many places of it lie in the padded input.
struct Seen {
  std::vector<double> values;
  double places = 0;
};
using Summary = std::function<double(const Seen&)>;

Array pooled(const Pool& pool, const Array& x, const Summary& f) {
  const Extents extents = extents_of(pool);
  Shape shape = {pool.x[0], pool.x[1]};
  shape.insert(shape.end(), extents.out.begin(), extents.out.end());
  return Array::made(shape, [&](const Index& at) {
    Seen seen;
    each_index(pool.kernel, [&](const Index& tap) {
      Index from{at[0], at[1]};
      bool counts = true;
      for (size_t i = 0; i < tap.size(); ++i) {
        const int64_t dilation = pool.dilations.empty() ? 1 : pool.dilations[i];
        from.push_back(at[2 + i] * pool.strides[i] + tap[i] * dilation - extents.begins[i]);
        counts = counts && from.back() < pool.x[2 + i] + extents.ends[i];
      }
      if (counts) ++seen.places;
      if (x.inside(from)) seen.values.push_back(x(from));
    });
    return f(seen);
  });
}

double largest(const Seen& seen, double lowest) {
  double best = lowest;
  for (const double x : seen.values) best = std::isnan(best) || best > x ? best : x;
  return best;
}
double mean(const Seen& seen, double count) {
  double sum = 0;
  for (const double x : seen.values) sum += x;
  return count == 0 ? 0 : sum / count;
}
double norm(const Seen& seen, double p) {
  double sum = 0;
  for (const double x : seen.values) sum += std::pow(std::fabs(x), p);
  return std::pow(sum, 1 / p);
}

// name, input, kernel, strides, pads, dilations, ceil_mode, auto_pad, count_include_pad, p
const std::vector<Pool> cases = {
    {"line", {2, 3, 11}, {3}, {2}, {0, 0}},
    {"plane", {2, 3, 7, 5}, {2, 3}, {2, 1}, {0, 0, 0, 0}},
    {"volume",
     {1, 2, 3, 4, 5},
     {2, 1, 3},
     {1, 2, 2},
     {1, 0, 1, 0, 0, 1},
     {},
     false,
     "NOTSET",
     true},
    {"pads", {2, 2, 5, 5}, {3, 3}, {2, 2}, {1, 2, 0, 1}},
    {"counted_pads", {2, 2, 5, 5}, {3, 3}, {2, 2}, {1, 2, 0, 1}, {}, false, "NOTSET", true, 1},
    {"ceil", {1, 2, 6, 7}, {3, 2}, {2, 3}, {0, 0, 0, 0}, {}, true},
    {"ceil_pads", {1, 2, 6, 8}, {3, 2}, {2, 3}, {1, 1, 1, 1}, {}, true, "NOTSET", true, 3},
    {"ceil_beyond", {1, 1, 2, 1}, {1, 1}, {3, 2}, {0, 0, 1, 2}, {}, true},
    {"valid", {1, 2, 6, 7}, {3, 2}, {2, 3}, {}, {}, false, "VALID"},
    {"valid_ceil", {1, 2, 6, 7}, {3, 2}, {2, 3}, {}, {}, true, "VALID", true},
    {"same_upper", {1, 2, 6, 7}, {3, 2}, {2, 3}, {}, {}, false, "SAME_UPPER"},
    {"same_lower", {1, 2, 6, 7}, {4, 3}, {1, 2}, {}, {}, false, "SAME_LOWER", true},
    {"all_padding", {1, 1, 1, 2}, {2, 1}, {1, 2}, {2, 1, 2, 2}},
    {"no_batch", {0, 2, 3}, {2}, {1}, {0, 0}},
    {"empty_plane", {1, 2, 0, 3}, {2, 1}, {1, 1}, {1, 0, 1, 0}},
    {"large", {1, 1, 40, 31}, {7, 5}, {3, 3}, {3, 2, 3, 2}},
};

class PoolCaseOperators : public ::testing::TestWithParam<Pool> {
 protected:
  static void expect_pooled(const std::string& op, const Pool& pool, const Summary& f) {
    Random random(60);
    for (const DType dtype : types_of(op)) {
      const Tensor x = random_tensor(random, dtype, pool.x, -20, 20);
      const Call call{op, {x}, pool.attributes(op)};
      SCOPED_TRACE(call.describe());
      const double lowest = dtype == DType::i8   ? -128
                            : dtype == DType::u8 ? 0
                                                 : -std::numeric_limits<double>::infinity();
      const Summary made = f ? f : [lowest](const Seen& seen) { return largest(seen, lowest); };
      expect_close(run(call)[0], dtype, pooled(pool, Array(x), made), 3);
    }
  }
  /// On an input so wide that the dilated window still fits.
  static Pool dilated(Pool pool) {
    pool.dilations = Ints(pool.kernel.size(), 2);
    for (size_t i = 0; i < pool.kernel.size(); ++i) pool.x[2 + i] += pool.kernel[i];
    return pool;
  }
};

TEST_P(PoolCaseOperators, MaxPool) {
  expect_pooled("MaxPool", GetParam(), nullptr);
  expect_pooled("MaxPool", dilated(GetParam()), nullptr);
}

TEST_P(PoolCaseOperators, AveragePool) {
  for (const Pool& pool : {GetParam(), dilated(GetParam())}) {
    expect_pooled("AveragePool", pool, [all = pool.count_padding](const Seen& seen) {
      return mean(seen, all ? seen.places : static_cast<double>(seen.values.size()));
    });
  }
}

TEST_P(PoolCaseOperators, LpPool) {
  const auto p = static_cast<double>(GetParam().p);
  for (const Pool& pool : {GetParam(), dilated(GetParam())}) {
    expect_pooled("LpPool", pool, [p](const Seen& seen) { return norm(seen, p); });
  }
}

INSTANTIATE_TEST_SUITE_P(All, PoolCaseOperators, ::testing::ValuesIn(cases),
                         [](const auto& pool) { return pool.param.name; });

/// Pools of whole planes, for inputs of rank 2 and more.
void expect_global(const std::string& op, const Attributes& attributes, const Summary& f) {
  Random random(61);
  for (const DType dtype : types_of(op)) {
    for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 7}, Shape{1, 5, 3, 11}, Shape{2, 0, 3},
                               Shape{1, 2, 3, 2, 1, 5}, Shape{1, 1, 61, 53}}) {
      const Tensor x = random_tensor(random, dtype, shape);
      const Array values(x);
      Shape wanted = shape;
      std::fill(wanted.begin() + 2, wanted.end(), 1);
      const Array expected = Array::made(wanted, [&](const Index& at) {
        Seen seen;
        each_index(shape, [&](const Index& from) {
          if (from[0] == at[0] && from[1] == at[1]) seen.values.push_back(values(from));
        });
        return f(seen);
      });
      expect_close(run({op, {x}, attributes})[0], dtype, expected, 2);
    }
  }
  expect_refused({op, {Tensor(DType::f32, {3})}}, "dimensions");
  expect_refused({op, {Tensor(DType::i32, {3, 3})}}, "input 0 is int32");
}

TEST(PoolingOperators, GlobalAveragePool) {
  expect_global("GlobalAveragePool", {}, [](const Seen& seen) {
    return mean(seen, static_cast<double>(seen.values.size()));
  });
}

TEST(PoolingOperators, GlobalMaxPool) {
  const double lowest = -std::numeric_limits<double>::infinity();
  expect_global("GlobalMaxPool", {}, [=](const Seen& seen) { return largest(seen, lowest); });
}

TEST(PoolingOperators, GlobalLpPool) {
  expect_global("GlobalLpPool", {}, [](const Seen& seen) { return norm(seen, 2); });
  expect_global("GlobalLpPool", {{"p", int64_t{3}}},
                [](const Seen& seen) { return norm(seen, 3); });
  expect_refused({"GlobalLpPool", {Tensor(DType::f32, {1, 1})}, {{"p", int64_t{0}}}}, "'p' is 0");
}

TEST(PoolingOperators, MaxPool_KeepsNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from<float>({1, 1, 4}, {1, nan, 2, 3});
  const Array y(run({"MaxPool", {x}, {{"kernel_shape", Ints{2}}}})[0]);
  EXPECT_TRUE(std::isnan(y({0, 0, 0})));
  EXPECT_TRUE(std::isnan(y({0, 0, 1})));
  EXPECT_EQ(y({0, 0, 2}), 3);
  EXPECT_TRUE(std::isnan(Array(run({"GlobalMaxPool", {x}})[0]).values()[0]));
}

TEST(PoolingOperators, MaxPool_AndOthersRefuseWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 2, 5, 5});
  const Ints two = {2, 2};
  for (const std::string op : {"MaxPool", "AveragePool", "LpPool"}) {
    expect_refused({op, {x}}, "'kernel_shape' is missing");
    expect_refused({op, {x}, {{"kernel_shape", Ints{2}}}}, "1 dimensions");
    expect_refused({op, {x}, {{"kernel_shape", Ints{0, 2}}}}, "kernel's extent is 0");
    expect_refused({op, {x}, {{"kernel_shape", Ints{6, 2}}}}, "doesn't fit");
    expect_refused({op, {x}, {{"kernel_shape", two}, {"strides", Ints{0, 1}}}}, "'strides' is 0");
    expect_refused({op, {x}, {{"kernel_shape", two}, {"pads", Ints{1}}}}, "'pads' has 1");
    expect_refused({op, {x}, {{"kernel_shape", two}, {"auto_pad", std::string("same")}}}, "same");
    expect_refused({op, {Tensor(DType::f32, {5, 5})}, {{"kernel_shape", Ints{}}}}, "3 to 5");
    expect_refused({op, {Tensor(DType::i64, {1, 1, 5})}, {{"kernel_shape", Ints{2}}}}, "int64");
  }
  const Attributes pool = {{"kernel_shape", two}};
  expect_refused({"MaxPool", {x}, {{"kernel_shape", two}, {"ceil_mode", int64_t{2}}}}, "is 2");
  expect_refused({"MaxPool", {x}, {{"kernel_shape", two}, {"storage_order", int64_t{2}}}}, "is 2");
  expect_refused({"LpPool", {x}, {{"kernel_shape", two}, {"p", int64_t{0}}}}, "'p' is 0");
  // The order of the indices is without meaning where there are none.
  Attributes columns = pool;
  columns["storage_order"] = int64_t{1};
  EXPECT_EQ(run({"MaxPool", {x}, columns})[0].shape(), (Shape{1, 2, 4, 4}));
}

}  // namespace
}  // namespace betimes::graph
