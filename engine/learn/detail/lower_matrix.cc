// Matrix products, and attention as the library has it in one operation.
#include <cmath>
#include <limits>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

// linear(x, w, b)
void linear(const Call& call) {
  if (call.rank(0) == 2) {
    std::vector<std::string> inputs = {call.tensor(0), call.tensor(1)};
    if (!call.is_none(2)) inputs.push_back(call.tensor(2));
    call.result(call.add("Gemm", inputs, {{"transB", int64_t{1}}}));
    return;
  }
  const auto weight = call.known(1);
  const std::string transposed =
      weight ? call.builder().constant(weight->t())
             : call.add("Transpose", {call.tensor(1)}, {{"perm", Integers{1, 0}}});
  std::string product = call.add("MatMul", {call.tensor(0), transposed});
  if (!call.is_none(2)) product = call.add("Add", {product, call.tensor(2)});
  call.result(product);
}

// addmm(c, a, b, beta, alpha)
void addmm(const Call& call) {
  call.result(call.add(
      "Gemm", {call.tensor(1), call.tensor(2), call.tensor(0)},
      {{"alpha", static_cast<float>(call.real(4))}, {"beta", static_cast<float>(call.real(3))}}));
}

void matmul(const Call& call) { call.result(call.add("MatMul", {call.tensor(0), call.tensor(1)})); }

// einsum(equation, tensors, path)
void einsum(const Call& call) {
  call.result(call.add("Einsum", call.tensors(1), {{"equation", call.text(0)}}));
}

std::string times(const Call& call, const std::string& value, double factor) {
  return factor == 1.0 ? value : call.add("Mul", {value, call.scalar(factor)});
}

// baddbmm(c, a, b, beta, alpha)
void baddbmm(const Call& call) {
  const std::string product = call.add("MatMul", {call.tensor(1), call.tensor(2)});
  const double beta = call.real(3);
  const std::string scaled = times(call, product, call.real(4));
  call.result(beta == 0.0 ? scaled : call.add("Add", {times(call, call.tensor(0), beta), scaled}));
}

void outer(const Call& call) {
  auto& builder = call.builder();
  call.result(
      call.add("Mul", {call.add("Unsqueeze", {call.tensor(0), builder.constant(Integers{1})}),
                       call.add("Unsqueeze", {call.tensor(1), builder.constant(Integers{0})})}));
}

std::string swap_last(const Call& call, const std::string& value, int64_t rank) {
  Integers order(static_cast<size_t>(rank));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return call.add("Transpose", {value}, {{"perm", order}});
}

/// scores with what the mask forbids at minus infinity.
std::string masked(const Call& call, const std::string& scores, const std::string& allowed) {
  return call.add("Where",
                  {allowed, scores, call.scalar(-std::numeric_limits<double>::infinity())});
}

// _scaled_dot_product_attention(q, k, v, mask, dropout, wants weights, causal)
void attention(const Call& call) {
  if (call.real(4) != 0.0) call.refuse("drops weights", "dropout 0");
  const Shape q = call.shape(0), k = call.shape(1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.back()));
  std::string scores = times(
      call, call.add("MatMul", {call.tensor(0), swap_last(call, call.tensor(1), call.rank(1))}),
      scale);
  if (call.flag(6)) {
    const int64_t rows = call.fixed_extent(0, call.rank(0) - 2);
    const int64_t columns = call.fixed_extent(1, call.rank(1) - 2);
    scores =
        masked(call, scores, call.builder().constant(at::ones({rows, columns}, at::kBool).tril()));
  } else if (!call.is_none(3)) {
    scores = call.type(3) == at::kBool ? masked(call, scores, call.tensor(3))
                                       : call.add("Add", {scores, call.tensor(3)});
  }
  const std::string weights = call.add("Softmax", {scores}, {{"axis", int64_t{-1}}});
  call.results({call.add("MatMul", {weights, call.tensor(2)}), weights});
}

}  // namespace

std::span<const Lowering> matrix_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::_scaled_dot_product_attention", attention},
      {"aten::addmm", addmm},
      {"aten::baddbmm", baddbmm},
      {"aten::bmm", matmul},
      {"aten::dot", matmul},
      {"aten::einsum", einsum},
      {"aten::linear", linear},
      {"aten::matmul", matmul},
      {"aten::mm", matmul},
      {"aten::mv", matmul},
      {"aten::outer", outer},
  };
  return list;
}

}  // namespace betimes::learn::detail
