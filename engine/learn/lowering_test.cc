// Every lowering against eager LibTorch: small expressions, traced with a batch of 2, compared with
// a batch of 3.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/nn.h>

#include <set>

#include "betimes/base/error.h"
#include "betimes/learn/testing/close.h"
#include "betimes/learn/testing/modules.h"
#include "betimes/learn/trace.h"

namespace betimes::learn {
namespace {

using at::Tensor;
using Tensors = std::vector<Tensor>;

struct Expression {
  std::string name;
  std::function<Tensors(int64_t)> inputs;
  std::function<Tensors(const Tensors&)> compute;
};

std::function<Tensors(int64_t)> floats(std::vector<std::vector<int64_t>> shapes) {
  return [shapes](int64_t batch) {
    Tensors made;
    for (const auto& shape : shapes) {
      std::vector<int64_t> whole = {batch};
      whole.insert(whole.end(), shape.begin(), shape.end());
      made.push_back(at::randn(whole));
    }
    return made;
  };
}

std::function<Tensors(int64_t)> integers(std::vector<int64_t> shape, int64_t below) {
  return [shape, below](int64_t batch) {
    std::vector<int64_t> whole = {batch};
    whole.insert(whole.end(), shape.begin(), shape.end());
    return Tensors{at::randint(-below, below, whole), at::randint(1, below, whole)};
  };
}

Tensors one(const Tensor& value) { return {value}; }

std::vector<Expression> elementwise() {
  const auto x = floats({{3, 5}});
  const auto xy = floats({{3, 5}, {3, 5}});
  return {
      {"unary", x,
       [](const Tensors& in) {
         const Tensor u = torch::tanh(in[0]) * 0.9, v = in[0].abs() + 1.1;
         return Tensors{u.acos() + u.asin() + u.atan() + u.atanh(),
                        v.acosh() + u.asinh() + u.cosh() + u.sinh() + u.tan(),
                        u.sign() + (v * 3).round() + (in[0] * 3).trunc() + in[0].ceil(),
                        in[0].floor() + u.exp2() + u.expm1() + v.log1p() + v.log2() + v.log10(),
                        u.cos() + u.sin() + u.erf() + v.log() + v.rsqrt() + v.reciprocal(),
                        u.neg() + u.square() + v.sqrt() + u.exp()};
       }},
      {"binary", xy,
       [](const Tensors& in) {
         const Tensor a = in[0], b = in[1].abs() + 0.5;
         return Tensors{torch::maximum(a, b) - torch::minimum(a, in[1]),
                        torch::pow(b, a),
                        torch::pow(2.0, a),
                        torch::rsub(a, b, 2.0),
                        torch::rsub(a, 1.5),
                        torch::add(a, b, 0.5),
                        torch::addcmul(a, a, b, 0.3),
                        torch::addcdiv(a, a, b, 2.0),
                        torch::lerp(a, b, 0.25),
                        torch::lerp(a, b, b),
                        a / b,
                        1.0 - a};
       }},
      {"rounded quotients", xy,
       [](const Tensors& in) {
         const Tensor a = in[0] * 7, b = in[1].sign() * (in[1].abs() + 0.5);
         return Tensors{torch::div(a, b, "floor"), torch::div(a, b, "trunc"),
                        torch::floor_divide(a, b), torch::remainder(a, b), torch::fmod(a, b)};
       }},
      {"integers", integers({4, 3}, 50),
       [](const Tensors& in) {
         return Tensors{torch::div(in[0], in[1], "floor"),
                        torch::remainder(in[0], in[1]),
                        in[0] + 1,
                        in[0] * in[1] - 2,
                        in[0].abs(),
                        torch::maximum(in[0], in[1]),
                        in[0] / in[1],
                        in[0] * 0.5,
                        in[0].sum(1),
                        torch::cumsum(in[0], 1)};
       }},
      {"angle", xy,
       [](const Tensors& in) {
         const Tensor y = torch::cat({in[0], torch::zeros_like(in[0])}, 1);
         return one(torch::atan2(y, torch::cat({in[1], in[1]}, 1)));
       }},
      {"types", xy,
       [](const Tensors& in) {
         const Tensor n = (in[0] * 10).to(at::kLong);
         return Tensors{n, n.to(at::kFloat) / 3.0, n.type_as(in[0]), n + in[1],
                        in[0].to(at::kDouble).to(at::kFloat)};
       }},
      {"activations", floats({{4, 6}}),
       [](const Tensors& in) {
         const Tensor a = in[0] * 2;
         return Tensors{torch::glu(a, -1),
                        torch::hardshrink(a, 0.5),
                        torch::softshrink(a, 0.5),
                        torch::selu(a),
                        torch::celu(a, 1.3),
                        torch::elu(a, 0.7),
                        torch::log_sigmoid(a),
                        torch::softplus(a, 2.0),
                        torch::softplus(a),
                        torch::mish(a),
                        torch::threshold(a, 0.1, -3.0),
                        torch::gelu(a, "tanh"),
                        torch::gelu(a),
                        torch::hardsigmoid(a),
                        torch::hardswish(a),
                        torch::relu6(a),
                        torch::hardtanh(a, -1.0, 0.5),
                        torch::silu(a),
                        torch::leaky_relu(a, 0.2),
                        torch::sigmoid(a),
                        torch::relu(a),
                        torch::softmax(a, 1),
                        torch::log_softmax(a, 2)};
       }},
      {"prelu", floats({{4, 6}}),
       [](const Tensors& in) {
         return one(torch::prelu(in[0], torch::tensor({0.1f, 0.2f, -0.3f, 0.4f})));
       }},
      {"clamps", xy,
       [](const Tensors& in) {
         return Tensors{in[0].clamp(-0.5, 0.5),         in[0].clamp_min(0.1),
                        in[0].clamp_max(0.2),           torch::clamp(in[0], in[1], in[1] + 0.5),
                        torch::clamp_min(in[0], in[1]), torch::clamp_max(in[0], in[1])};
       }},
  };
}

std::vector<Expression> logic() {
  const auto xy = floats({{3, 5}, {3, 5}});
  return {
      {"comparisons", xy,
       [](const Tensors& in) {
         const Tensor a = in[0], b = in[1];
         return Tensors{a<b, a <= b, a> b,
                        a >= b,
                        a == a.abs(),
                        a != a.abs(),
                        a > 0,
                        a<0.25, (a * 4).to(at::kLong) >= 1, (a * 4).to(at::kLong)> 0.5,
                        (a * 4).to(at::kLong) > b};
       }},
      {"truth", xy,
       [](const Tensors& in) {
         const Tensor a = in[0] > 0, b = in[1] > 0;
         return Tensors{a & b,
                        a | b,
                        a ^ b,
                        ~a,
                        torch::logical_and(in[0], b),
                        torch::logical_or(a, b),
                        torch::logical_xor(a, b),
                        torch::logical_not(a),
                        torch::bitwise_and(a, b),
                        torch::bitwise_or(a, b),
                        torch::bitwise_xor(a, b),
                        a.any(1),
                        a.all(2, true),
                        a.any(),
                        a.all(),
                        a.__and__(b),
                        a.__or__(b),
                        a.__xor__(b)};
       }},
      {"bits", integers({4}, 100),
       [](const Tensors& in) {
         return Tensors{in[0] & in[1], in[0] | in[1], in[0] ^ in[1], ~in[0]};
       }},
      {"choices", xy,
       [](const Tensors& in) {
         const Tensor later = torch::ones({3, 5}, at::kBool).triu(1);
         return Tensors{torch::where(in[0] > 0, in[0], in[1]),
                        torch::where(in[0] > 0, in[0], torch::zeros_like(in[0])),
                        in[0].masked_fill(later, -std::numeric_limits<double>::infinity()),
                        in[0].masked_fill(in[1] > 0, 2.0)};
       }},
      {"not finite", xy,
       [](const Tensors& in) {
         const Tensor a = torch::log(in[0]) / torch::relu(in[1]);
         return Tensors{a.isnan(), a.isinf(), a.isfinite(), torch::nan_to_num(a),
                        torch::nan_to_num(a, 1.0, 2.0, -3.0)};
       }},
  };
}

std::vector<Expression> reductions() {
  const auto x = floats({{3, 5}});
  return {
      {"sums", x,
       [](const Tensors& in) {
         const Tensor a = in[0];
         return Tensors{a.sum(),
                        a.sum(1),
                        a.sum({1, 2}, true),
                        a.mean(),
                        a.mean(2),
                        a.prod(1),
                        a.prod(),
                        torch::cumsum(a, 1),
                        torch::logsumexp(a, {1}),
                        torch::amax(a, {1, 2}),
                        torch::amin(a, -1, true)};
       }},
      {"extremes", x,
       [](const Tensors& in) {
         const auto [low, where] = torch::min(in[0], 1, true);
         return Tensors{in[0].max(),
                        in[0].min(),
                        std::get<0>(torch::max(in[0], 2)),
                        std::get<1>(torch::max(in[0], 1)),
                        low,
                        where,
                        torch::max(in[0], in[0] * 0.5),
                        torch::argmax(in[0], 1),
                        torch::argmin(in[0], 2, true),
                        torch::argmax(in[0])};
       }},
      {"norms", x,
       [](const Tensors& in) {
         const double infinite = std::numeric_limits<double>::infinity();
         return Tensors{in[0].norm(),
                        in[0].norm(2, {1}, true),
                        in[0].norm(1, {1, 2}),
                        torch::linalg_vector_norm(in[0], infinite, c10::IntArrayRef{2}),
                        torch::linalg_vector_norm(in[0], 3.0, c10::IntArrayRef{1}, true),
                        torch::nn::functional::normalize(in[0])};
       }},
      {"distances", floats({{3, 5}, {3, 5}, {4, 5}}),
       [](const Tensors& in) {
         return Tensors{torch::cosine_similarity(in[0], in[1], 1),
                        torch::cosine_similarity(in[0], in[1], -1), torch::cdist(in[0], in[2]),
                        torch::cdist(in[0], in[2], 1.0)};
       }},
      {"deviations", x,
       [](const Tensors& in) {
         return Tensors{in[0].var(1), in[0].std(c10::IntArrayRef{1, 2}, false, true),
                        in[0].var(c10::IntArrayRef{2}, c10::optional<int64_t>(0), true),
                        in[0].std(c10::IntArrayRef{2}, c10::optional<int64_t>(2), false)};
       }},
      {"orders", x,
       [](const Tensors& in) {
         const auto [values, places] = torch::sort(in[0], 1, true);
         const auto [low, at] = torch::topk(in[0], 2, 2, false);
         return Tensors{values,
                        places,
                        low,
                        at,
                        torch::argsort(in[0], int64_t{2}, false),
                        std::get<0>(torch::sort(in[0], c10::optional<bool>(true), 1, false))};
       }},
      {"buckets", x,
       [](const Tensors& in) {
         const Tensor bounds = torch::tensor({-1.0f, -0.1f, 0.0f, 0.7f});
         return Tensors{torch::bucketize(in[0], bounds), torch::bucketize(in[0], bounds, true),
                        torch::bucketize(in[0].round(), bounds, false, true)};
       }},
  };
}

std::vector<Expression> matrices() {
  return {
      {"products", floats({{3, 4}, {4, 5}}),
       [](const Tensors& in) {
         const Tensor w = torch::linspace(-1, 1, 20).view({4, 5});
         const Tensor c = torch::linspace(0, 1, 15).view({3, 5});
         return Tensors{torch::bmm(in[0], in[1]),
                        torch::matmul(in[0], w),
                        torch::baddbmm(c.expand({in[0].size(0), 3, 5}), in[0], in[1], 0.5, 2.0),
                        torch::einsum("bij,bjk->bki", {in[0], in[1]}),
                        torch::mm(in[0].flatten(1), torch::linspace(-1, 1, 24).view({12, 2})),
                        torch::addmm(torch::ones({2}), in[0].flatten(1),
                                     torch::linspace(-1, 1, 24).view({12, 2})),
                        torch::mv(in[0].flatten(1), torch::linspace(-1, 1, 12)),
                        torch::outer(in[0].flatten(), torch::linspace(-1, 1, 3)),
                        torch::dot(in[0].sum(c10::IntArrayRef{0, 1}), torch::linspace(-1, 1, 4)),
                        torch::matmul(in[0], in[1]).mT()};
       }},
      {"attention", floats({{2, 5, 8}, {2, 6, 8}, {2, 6, 4}}),
       [](const Tensors& in) {
         const Tensor mask = torch::ones({5, 6}, at::kBool).tril(1);
         const Tensor bias = torch::linspace(-1, 1, 30).view({5, 6});
         Tensors found;
         for (const auto& m :
              {c10::optional<Tensor>(), c10::optional<Tensor>(mask), c10::optional<Tensor>(bias)}) {
           found.push_back(std::get<0>(
               at::_scaled_dot_product_attention(in[0], in[1], in[2], m, 0.0, false, false)));
         }
         const auto [y, weights] = at::_scaled_dot_product_attention(
             in[0], in[1].slice(2, 0, 5), in[2].slice(2, 0, 5), {}, 0.0, true, true);
         found.push_back(y);
         found.push_back(weights);
         return found;
       }},
  };
}

std::vector<Expression> images() {
  return {
      {"convolutions", floats({{4, 9, 9}}),
       [](const Tensors& in) {
         const Tensor w = torch::linspace(-1, 1, 6 * 4 * 9).view({6, 4, 3, 3});
         const Tensor even = torch::linspace(-1, 1, 6 * 4 * 8).view({6, 4, 2, 4});
         const Tensor up = torch::linspace(-1, 1, 4 * 5 * 9).view({4, 5, 3, 3});
         return Tensors{torch::conv2d(in[0], w, {}, 1, "same", 2),
                        torch::conv2d(in[0], even, {}, 1, "same"),
                        torch::conv2d(in[0], w, {}, 2, "valid"), torch::conv2d(in[0], w, {}, 1, 1),
                        torch::conv_transpose2d(in[0], up, {}, 2, 1, 1)};
       }},
      {"convolutions of one axis", floats({{4, 11}}),
       [](const Tensors& in) {
         return Tensors{
             torch::conv1d(in[0], torch::linspace(-1, 1, 24).view({2, 4, 3}), {}, 2),
             torch::conv_transpose1d(in[0], torch::linspace(-1, 1, 24).view({4, 2, 3}), {}, 2)};
       }},
      {"pools", floats({{4, 8, 8}}),
       [](const Tensors& in) {
         return Tensors{torch::max_pool2d(in[0], 3, 2, 1), torch::avg_pool2d(in[0], 2),
                        torch::adaptive_avg_pool2d(in[0], {2, 4}),
                        std::get<0>(torch::adaptive_max_pool2d(in[0], {4, 2}))};
       }},
      {"pools of one axis", floats({{4, 8}}),
       [](const Tensors& in) {
         return Tensors{torch::max_pool1d(in[0], 2), torch::avg_pool1d(in[0], 3, 2, 1),
                        torch::adaptive_avg_pool1d(in[0], 4)};
       }},
      {"volumes", floats({{2, 5, 6, 7}}),
       [](const Tensors& in) {
         const Tensor w = torch::linspace(-1, 1, 3 * 2 * 27).view({3, 2, 3, 3, 3});
         return Tensors{torch::conv3d(in[0], w, {}, 2, 1), torch::max_pool3d(in[0], 2, 2, 1),
                        torch::avg_pool3d(in[0], 2, 2)};
       }},
      {"resizes", floats({{3, 5, 6}}),
       [](const Tensors& in) {
         return Tensors{torch::upsample_nearest2d(in[0], {10, 9}),
                        torch::upsample_bilinear2d(in[0], {8, 12}, false),
                        torch::upsample_bilinear2d(in[0], {8, 12}, true),
                        torch::upsample_bicubic2d(in[0], {9, 11}, false),
                        torch::upsample_bicubic2d(in[0], {9, 11}, true)};
       }},
      {"resizes of one axis", floats({{3, 7}}),
       [](const Tensors& in) {
         return Tensors{torch::upsample_nearest1d(in[0], {14}),
                        torch::upsample_linear1d(in[0], {11}, false)};
       }},
      {"grid sampling", floats({{3, 5, 6}, {4, 4, 2}}),
       [](const Tensors& in) {
         const Tensor grid = torch::tanh(in[1]) * 1.2;
         return Tensors{at::grid_sampler(in[0], grid, 0, 0, false),
                        at::grid_sampler(in[0], grid, 0, 1, true),
                        at::grid_sampler(in[0], grid, 2, 2, false)};
       }},
      {"shuffles", floats({{8, 4, 6}}),
       [](const Tensors& in) {
         return Tensors{torch::pixel_shuffle(in[0], 2), torch::pixel_unshuffle(in[0], 2),
                        at::channel_shuffle(in[0], 4)};
       }},
      {"normalisations", floats({{8, 4, 6}}),
       [](const Tensors& in) {
         const Tensor w = torch::linspace(0.5, 1.5, 8), b = torch::linspace(-1, 1, 8);
         return Tensors{torch::instance_norm(in[0], w, b, {}, {}, true, 0.1, 1e-5, false),
                        torch::instance_norm(in[0], w, b, b, w, false, 0.1, 1e-5, false),
                        torch::batch_norm(in[0], w, b, b, w, false, 0.1, 1e-5, false),
                        torch::group_norm(in[0], 2, w, b), torch::layer_norm(in[0], {4, 6})};
       }},
      {"pads", floats({{3, 5, 6}}),
       [](const Tensors& in) {
         return Tensors{at::reflection_pad2d(in[0], {1, 2, 0, 1}),
                        at::replication_pad2d(in[0], {1, 2, 3, 1}),
                        torch::constant_pad_nd(in[0], {1, 1}, 0.5),
                        torch::pad(in[0], {1, 1}, "constant", 2.0),
                        at::reflection_pad1d(in[0].select(1, 0), {2, 1}),
                        at::replication_pad1d(in[0].select(1, 1), {2, 1})};
       }},
  };
}

std::vector<Expression> shapes() {
  const auto x = floats({{4, 6}});
  return {
      {"views", x,
       [](const Tensors& in) {
         const Tensor a = in[0];
         const int64_t n = a.size(0);
         return Tensors{a.view({n, 24}),
                        a.reshape({n * 4, 6}),
                        a.reshape({2, 2, n, 6}),
                        a.transpose(0, 1).reshape({4, n * 6}),
                        a.flatten(),
                        a.flatten(0, 1),
                        a.unflatten(2, {2, 3}),
                        a.view({n, 2, 2, -1}),
                        a.unsqueeze(1).squeeze(1),
                        a.reshape({n, 1, 4, 6}).squeeze(1),
                        a.view_as(a.detach()),
                        a.reshape_as(a.flatten(1))};
       }},
      {"orders of axes", x,
       [](const Tensors& in) {
         return Tensors{in[0].permute({2, 0, 1}),
                        in[0].transpose(1, 2),
                        in[0].movedim(2, 0),
                        in[0].movedim({0, 1}, {2, 0}),
                        in[0].mT(),
                        in[0].swapaxes(0, 2),
                        in[0].swapdims(1, 2),
                        in[0].select(1, 2).t()};
       }},
      {"parts", x,
       [](const Tensors& in) {
         const auto chunks = in[0].chunk(3, 2);
         const auto splits = in[0].split(4, 2);
         const auto sizes = in[0].split_with_sizes({1, 2, 1}, 1);
         const auto rows = in[0].unbind(1);
         const auto unsafe = at::unsafe_chunk(in[0], 2, 1);
         const auto also = at::unsafe_split(in[0], 2, 1);
         return Tensors{chunks[0] + chunks[2],
                        splits[1],
                        sizes[1],
                        rows[3],
                        in[0].narrow(1, 1, 2),
                        in[0].slice(2, 1, 6, 2),
                        in[0].select(2, -1),
                        unsafe[1],
                        also[0],
                        in[0].unfold(2, 3, 2),
                        in[0].slice(1, -2)};
       }},
      {"joins", x,
       [](const Tensors& in) {
         return Tensors{torch::cat({in[0], in[0]}, 1), torch::stack({in[0], in[0] * 2}, 1),
                        torch::cat({in[0], torch::zeros({in[0].size(0), 1, 6})}, 1)};
       }},
      {"repeats", x,
       [](const Tensors& in) {
         const int64_t n = in[0].size(0);
         const Tensor row = torch::linspace(0, 1, 6).view({1, 1, 6});
         const Tensor first = in[0].sum({0}, true);
         return Tensors{in[0].repeat({1, 2, 1}),
                        in[0].repeat({2, 1, 1, 3}),
                        first.repeat({n, 1, 1}),
                        in[0].tile({2}),
                        in[0].repeat_interleave(2, 1),
                        first.expand({n, 4, 6}) + in[0],
                        row.expand({n, 2, 6}) * in[0].slice(1, 0, 2),
                        first.expand_as(in[0]),
                        in[0].select(1, 0).unsqueeze(1).broadcast_to({n, 4, 6})};
       }},
      {"fills", x,
       [](const Tensors& in) {
         return Tensors{torch::zeros_like(in[0]) + 1.5,
                        torch::ones_like(in[0]) * in[0],
                        torch::full_like(in[0], 2.5) - in[0],
                        in[0].new_zeros({in[0].size(0), 3}) + in[0].sum(),
                        in[0].new_ones({in[0].size(0), 3}) + in[0].sum(),
                        in[0].new_full({3}, 0.25) + in[0].sum()};
       }},
      {"turns", x,
       [](const Tensors& in) {
         return Tensors{in[0].flip({1, 2}),
                        in[0].roll({2, -1}, {1, 2}),
                        in[0].tril(-1),
                        in[0].triu(1),
                        in[0].clone(),
                        in[0].contiguous(),
                        at::alias(in[0]),
                        torch::feature_dropout(in[0], 0.5, false),
                        at::_unsafe_view(in[0], {in[0].size(0), 24}),
                        at::_to_copy(in[0], in[0].options().dtype(at::kDouble))};
       }},
  };
}

std::vector<Expression> lookups() {
  const auto inputs = [](int64_t n) {
    return Tensors{at::randn({n, 6, 4}), at::randint(6, {n, 3}), at::randint(4, {n, 3})};
  };
  return {
      {"gathers", inputs,
       [](const Tensors& in) {
         const Tensor table = torch::linspace(-1, 1, 24).view({6, 4});
         const Tensor places = torch::tensor({3, 0, 5});
         return Tensors{in[0].index_select(1, places),
                        in[0].gather(1, in[1].unsqueeze(2).expand({in[1].size(0), 3, 4})),
                        torch::embedding(table, in[1]),
                        table.index({in[1]}),
                        table.index({in[1], in[2]}),
                        table.index({in[1], torch::tensor(2)}),
                        in[0].index({torch::indexing::Slice(), places}),
                        torch::one_hot(in[1], 6)};
       }},
      {"scatters", inputs,
       [](const Tensors& in) {
         const Tensor wide = in[1].unsqueeze(2).expand({in[1].size(0), 3, 4});
         const Tensor rows = torch::linspace(-1, 1, 12).view({3, 4});
         const Tensor base = in[0].sum(0);  // [6, 4]
         return Tensors{
             in[0].scatter_add(1, wide, rows.expand({in[1].size(0), 3, 4})),
             in[0].scatter(
                 1, torch::tensor({2, 0, 5}).view({1, 3, 1}).expand({in[1].size(0), 3, 4}), 0.5),
             base.index_add(0, torch::tensor({1, 1, 4}), rows),
             base.index_add(0, torch::tensor({1, 1, 4}), rows, 2.0),
             base.index_put({torch::tensor({1, 3, 4})}, rows),
             base.index_put({torch::tensor({1, 1, 4}), torch::tensor({0, 0, 3})},
                            torch::tensor({1.0f, 2.0f, 3.0f}), true)};
       }},
      {"bags",
       [](int64_t n) {
         return Tensors{at::randn({n, 5}), at::randint(9, {7}), torch::tensor({0, 2, 2, 5}),
                        torch::tensor({0, 3, 7})};
       },
       [](const Tensors& in) {
         const Tensor table = torch::linspace(-1, 1, 36).view({9, 4});
         const auto bag = [&](const Tensor& offsets, int64_t mode, bool closed) {
           return std::get<0>(
                      torch::embedding_bag(table, in[1], offsets, false, mode, false, {}, closed)) +
                  in[0].sum();
         };
         const Tensor weights = torch::linspace(0, 1, 7);
         return Tensors{
             bag(in[2], 0, false),
             bag(in[2], 1, false),
             bag(in[3], 1, true),
             bag(torch::tensor({0, 4}), 0, false),
             bag(torch::tensor({0, 7}), 2, true),
             std::get<0>(torch::embedding_bag(table, in[1], in[2], false, 0, false, weights)) +
                 in[0].sum()};
       }},
  };
}

std::vector<Expression> recurrences() {
  return {
      {"plain recurrence", floats({{5, 3}}), [](const Tensors& in) {
         const Tensor w = torch::linspace(-1, 1, 12).view({4, 3});
         const Tensor r = torch::linspace(-0.5, 0.5, 16).view({4, 4});
         const Tensor b = torch::linspace(-1, 1, 4);
         const Tensor h = torch::zeros({1, in[0].size(0), 4});
         const Tensor ones = torch::ones({1, in[0].size(0), 4});
         const auto run = [&](const auto& f, const Tensor& state) {
           return f(in[0], state, at::TensorList({w, r, b, b}), true, 1, 0.0, false, false, true);
         };
         const auto rnn_tanh = [](auto&&... a) { return torch::rnn_tanh(a...); };
         const auto rnn_relu = [](auto&&... a) { return torch::rnn_relu(a...); };
         return Tensors{std::get<0>(run(rnn_tanh, h)), std::get<1>(run(rnn_tanh, ones)),
                        std::get<0>(run(rnn_relu, ones))};
       }}};
}

const std::vector<Expression>& all() {
  static const auto list = [] {
    std::vector<Expression> found;
    for (const auto& part : {elementwise(), logic(), reductions(), matrices(), images(), shapes(),
                             lookups(), recurrences()}) {
      found.insert(found.end(), part.begin(), part.end());
    }
    return found;
  }();
  return list;
}

class Lowerings : public ::testing::TestWithParam<size_t> {};

TEST_P(Lowerings, GiveWhatLibTorchGives) {
  const Expression& e = all()[GetParam()];
  torch::manual_seed(3);
  const torch::NoGradGuard no_gradient;
  torch::nn::Module nothing;
  const graph::Graph graph = trace(nothing, e.compute, e.inputs(2));
  const Tensors inputs = e.inputs(3);
  testing::expect_graph_gives(graph, inputs, e.compute(inputs));
}

INSTANTIATE_TEST_SUITE_P(All, Lowerings, ::testing::Range(size_t{0}, all().size()),
                         [](const auto& instance) {
                           std::string name = all()[instance.param].name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

/// The operations that LibTorch's tracer records, in the names of the tables.
void collect(const Forward& forward, const Tensors& inputs, std::set<std::string>& kinds) {
  const auto run = [&](torch::jit::Stack stack) {
    Tensors tensors;
    for (const auto& value : stack) tensors.push_back(value.toTensor());
    torch::jit::Stack outputs;
    for (const Tensor& output : forward(tensors)) outputs.emplace_back(output);
    return outputs;
  };
  const auto traced = torch::jit::tracer::trace(
      torch::jit::Stack(inputs.begin(), inputs.end()), run,
      [](const Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/true);
  for (const auto* node : traced.first->graph->nodes()) kinds.insert(node->kind().toQualString());
}

TEST(LoweringTable, HasNothingThatNoTestUses) {
  std::set<std::string> kinds;
  const torch::NoGradGuard no_gradient;
  for (const Expression& e : all()) collect(e.compute, e.inputs(2), kinds);
  for (const auto& each : testing::module_cases(1)) {
    for (Tensor& parameter : each.module->parameters()) parameter.requires_grad_(false);
    collect(each.forward, each.inputs(2), kinds);
  }
  std::string unused;
  for (const std::string& operation : lowered_operations()) {
    if (!kinds.contains(operation)) unused += operation + " ";
  }
  EXPECT_EQ(unused, "");
}

/// The batch's size must not be baked into the graph unseen.
TEST(OpenBatch, RefusesWhatHangsOnItsSize) {
  torch::nn::Module nothing;
  const auto refused = [&](const Forward& forward, const std::string& why) {
    try {
      trace(nothing, forward, {at::randn({2, 4})});
      ADD_FAILURE() << "accepted: " << why;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("batch = \"\""), std::string::npos) << error.what();
    }
    EXPECT_NO_THROW(trace(nothing, forward, {at::randn({2, 4})}, {.batch = ""}));
  };
  refused([](const Tensors& in) { return one(in[0] / static_cast<double>(in[0].size(0))); },
          "depend");
  refused(
      [](const Tensors& in) {
        return one(in[0] + torch::arange(in[0].size(0)).view({-1, 1}));
      },
      "depend");
  refused([](const Tensors& in) { return one(std::get<0>(torch::sort(in[0], 0))); }, "batch");
  refused([](const Tensors& in) { return one(in[0].size(0) == 2 ? in[0] * 2.0 : in[0].exp()); },
          "another batch size");
}

TEST(OpenBatch, FollowsTheAxisThatIsNamed) {
  torch::nn::Module nothing;
  const Forward forward = [](const Tensors& in) {
    const int64_t n = in[0].size(1);
    return Tensors{in[0].transpose(0, 1).reshape({n, 12}) + torch::zeros({n, 12}),
                   in[0].reshape({3 * n, 4}), in[0].sum(1)};
  };
  const graph::Graph graph = trace(nothing, forward, {at::randn({3, 2, 4})}, {.batch_axes = {1}});
  EXPECT_EQ(to_string(graph.inputs[0]), "input: float32[3, N, 4]");
  EXPECT_EQ(to_string(graph.outputs[0]), "output: float32[N, 12]");
  EXPECT_EQ((*graph.outputs[1].dims)[0].extent, -1);
  EXPECT_EQ(to_string(graph.outputs[2]), "output_2: float32[3, 4]");
  EXPECT_THROW(trace(nothing, forward, {at::randn({3, 2, 4})}, {.batch_axes = {3}}), Error);
}

}  // namespace
}  // namespace betimes::learn
