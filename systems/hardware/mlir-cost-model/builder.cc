#include "systems/hardware/mlir-cost-model/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace betimes::systems::mlir_cost_model {
namespace {

std::string type(const Extents& shape) {
  return fmt::format("tensor<{}xf32>", fmt::join(shape, "x"));
}

/// affine_map<(d0, d1) -> (d1)>
std::string map(size_t rank, const std::vector<size_t>& axes) {
  std::vector<std::string> from, to;
  for (size_t i = 0; i < rank; ++i) from.push_back(fmt::format("d{}", i));
  for (const size_t axis : axes) to.push_back(fmt::format("d{}", axis));
  return fmt::format("affine_map<({}) -> ({})>", fmt::join(from, ", "), fmt::join(to, ", "));
}

std::vector<size_t> all_axes(size_t rank) {
  std::vector<size_t> axes(rank);
  std::iota(axes.begin(), axes.end(), size_t{0});
  return axes;
}

std::string iterators(size_t parallel, size_t reduction = 0) {
  std::vector<std::string> all(parallel, "\"parallel\"");
  all.resize(parallel + reduction, "\"reduction\"");
  return fmt::format("[{}]", fmt::join(all, ", "));
}

int64_t windows(int64_t extent, int64_t size, int64_t stride) {
  return (extent - size) / stride + 1;
}

}  // namespace

Ref Builder::argument(const Extents& shape) {
  arguments_.push_back({fmt::format("%arg{}", arguments_.size()), shape});
  return arguments_.back();
}

std::string Builder::constant(double value) {
  for (const auto& [known, name] : constants_) {
    if (known == value) return name;
  }
  constants_.emplace_back(value, fmt::format("%cst{}", constants_.size()));
  return constants_.back().second;
}

Ref Builder::define(const Extents& shape, const std::string& right, const std::vector<Ref>& reads) {
  for (const Ref& read : reads) {
    std::erase_if(loose_, [&](const Ref& each) { return each.name == read.name; });
  }
  Ref made{fmt::format("%{}", values_++), shape};
  body_ += fmt::format("  {} = {}\n", made.name, right);
  loose_.push_back(made);
  return made;
}

Ref Builder::empty(const Extents& shape) {
  return define(
      shape, fmt::format("linalg.init_tensor [{}] : {}", fmt::join(shape, ", "), type(shape)), {});
}

Ref Builder::filled(const Extents& shape, double value) {
  const Ref out = empty(shape);
  return define(shape,
                fmt::format("linalg.fill ins({} : f32) outs({} : {}) -> {}", constant(value),
                            out.name, type(shape), type(shape)),
                {out});
}

Ref Builder::generic(const std::vector<std::pair<Ref, std::string>>& inputs, const Ref& out,
                     const std::string& out_map, const std::string& iterator_types,
                     const std::string& body) {
  std::vector<std::string> names, types, maps, block;
  std::vector<Ref> reads = {out};
  for (const auto& [input, its_map] : inputs) {
    block.push_back(fmt::format("%in{}: f32", names.size()));
    names.push_back(input.name);
    types.push_back(type(input.shape));
    maps.push_back(its_map);
    reads.push_back(input);
  }
  maps.push_back(out_map);
  ++operations_;
  return define(out.shape,
                fmt::format("linalg.generic {{indexing_maps = [{}], iterator_types = {}}} "
                            "ins({} : {}) outs({} : {}) {{\n  ^bb0({}, %out: f32):\n{}  }} -> {}",
                            fmt::join(maps, ", "), iterator_types, fmt::join(names, ", "),
                            fmt::join(types, ", "), out.name, type(out.shape),
                            fmt::join(block, ", "), body, type(out.shape)),
                reads);
}

Ref Builder::elementwise(const std::vector<Ref>& inputs, const std::vector<Step>& steps,
                         const std::vector<std::vector<size_t>>& axes) {
  const Extents shape = inputs[0].shape;
  const size_t rank = shape.size();
  std::vector<std::pair<Ref, std::string>> with_maps;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool whole = i >= axes.size() || axes[i].empty();
    with_maps.emplace_back(inputs[i], map(rank, whole ? all_axes(rank) : axes[i]));
  }
  std::string body, last = "%in0";
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const std::string other = step.with == Step::With::input      ? fmt::format("%in{}", step.input)
                              : step.with == Step::With::constant ? constant(step.constant)
                                                                  : last;
    body += fmt::format("    %s{} = arith.{} {}, {} : f32\n", i, step.operation, last, other);
    last = fmt::format("%s{}", i);
  }
  body += fmt::format("    linalg.yield {} : f32\n", last);
  return generic(with_maps, empty(shape), map(rank, all_axes(rank)), iterators(rank), body);
}

Ref Builder::structured(const std::string& operation, const Ref& a, const Ref& b, const Ref& out) {
  ++operations_;
  return define(
      out.shape,
      fmt::format("{} ins({}, {} : {}, {}) outs({} : {}) -> {}", operation, a.name, b.name,
                  type(a.shape), type(b.shape), out.name, type(out.shape), type(out.shape)),
      {a, b, out});
}

Ref Builder::matmul(const Ref& a, const Ref& b) {
  Extents shape = a.shape;
  shape.back() = b.shape.back();
  return structured(shape.size() == 3 ? "linalg.batch_matmul" : "linalg.matmul", a, b,
                    filled(shape, 0));
}

Ref Builder::convolution(const Ref& x, const Ref& weight, int64_t stride) {
  const bool depthwise = weight.shape.size() == 3;
  const Extents shape = {x.shape[0], windows(x.shape[1], weight.shape[0], stride),
                         windows(x.shape[2], weight.shape[1], stride), weight.shape.back()};
  return structured(
      fmt::format("linalg.{} {{dilations = dense<1> : tensor<2xi64>, strides = dense<{}> : "
                  "tensor<2xi64>}}",
                  depthwise ? "depthwise_conv_2d_nhwc_hwc" : "conv_2d_nhwc_hwcf", stride),
      x, weight, filled(shape, 0));
}

Ref Builder::pool(const std::string& kind, const Ref& x, int64_t size, int64_t stride) {
  const Extents shape = {x.shape[0], windows(x.shape[1], size, stride),
                         windows(x.shape[2], size, stride), x.shape[3]};
  const Ref window = argument({size, size});  // its shape alone is read
  return structured(
      fmt::format("linalg.pooling_nhwc_{} {{dilations = dense<1> : tensor<2xi64>, strides = "
                  "dense<{}> : tensor<2xi64>}}",
                  kind, stride),
      x, window, filled(shape, kind == "max" ? -1e30 : 0));
}

Ref Builder::reduce(const std::string& operation, const Ref& x) {
  const size_t rank = x.shape.size();
  const Extents shape(x.shape.begin(), x.shape.end() - 1);
  return generic(
      {{x, map(rank, all_axes(rank))}}, filled(shape, operation == "maxf" ? -1e30 : 0),
      map(rank, all_axes(rank - 1)), iterators(rank - 1, 1),
      fmt::format("    %s0 = arith.{} %in0, %out : f32\n    linalg.yield %s0 : f32\n", operation));
}

Ref Builder::transpose(const Ref& x, const std::vector<size_t>& order) {
  const size_t rank = x.shape.size();
  Extents shape(rank);
  std::vector<size_t> reads(rank);  // axis of the output that each of the input's is
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = x.shape[order[i]];
    reads[order[i]] = i;
  }
  return generic({{x, map(rank, reads)}}, empty(shape), map(rank, all_axes(rank)), iterators(rank),
                 "    linalg.yield %in0 : f32\n");
}

std::vector<Ref> Builder::loose_ends() const { return loose_; }

std::string Builder::finish(const std::vector<Ref>& results) const {
  std::vector<std::string> arguments, names, types;
  for (const Ref& argument : arguments_) {
    arguments.push_back(fmt::format("{}: {}", argument.name, type(argument.shape)));
  }
  for (const Ref& result : results) {
    names.push_back(result.name);
    types.push_back(type(result.shape));
  }
  std::string text = fmt::format("func.func @main({}) -> ({}) {{\n", fmt::join(arguments, ", "),
                                 fmt::join(types, ", "));
  for (const auto& [value, name] : constants_) {
    text += fmt::format("  {} = arith.constant {:e} : f32\n", name, value);
  }
  return text + body_ +
         fmt::format("  return {} : {}\n}}\n", fmt::join(names, ", "), fmt::join(types, ", "));
}

}  // namespace betimes::systems::mlir_cost_model
