#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "betimes/graph/specialize.h"
#include "betimes/learn/trace.h"
#include "betimes/runtime/session.h"

namespace betimes::learn::testing {

/// Equal in type and shape, positions of NaN and infinities, and otherwise within 1e-5 of the
/// largest magnitude; integers and truth values exactly.
inline void expect_close(const betimes::Tensor& output, const at::Tensor& expected,
                         const std::string& who) {
  const at::Tensor found = to_torch(output);
  ASSERT_EQ(found.sizes(), expected.sizes()) << who;
  ASSERT_EQ(found.scalar_type(), expected.scalar_type()) << who;
  if (!expected.is_floating_point()) {
    EXPECT_TRUE(at::equal(found, expected)) << who << "\n" << found << "\n" << expected;
    return;
  }
  const at::Tensor ordinary = at::isfinite(expected);
  ASSERT_TRUE(at::equal(ordinary, at::isfinite(found))) << who;
  EXPECT_TRUE(at::equal(at::nan_to_num(expected.masked_fill(ordinary, 0.0)),
                        at::nan_to_num(found.masked_fill(ordinary, 0.0))))
      << who;
  const at::Tensor wanted = expected.masked_fill(ordinary.logical_not(), 0.0);
  const at::Tensor given = found.masked_fill(ordinary.logical_not(), 0.0);
  if (wanted.numel() == 0) return;
  const double scale = std::max(wanted.abs().max().item<double>(), 1e-30);
  EXPECT_LE((given - wanted).abs().max().item<double>(), 1e-5 * scale) << who;
}

/// Runs the graph on the inputs, in its own order, by the evaluator and by the runtime.
inline void expect_graph_gives(const graph::Graph& graph, const std::vector<at::Tensor>& inputs,
                               const std::vector<at::Tensor>& expected) {
  ASSERT_EQ(graph.outputs.size(), expected.size());
  std::map<std::string, betimes::Tensor> named;
  runtime::CompileOptions options;
  for (size_t i = 0; i < inputs.size(); ++i) {
    named[graph.inputs.at(i).name] = from_torch(inputs[i]);
    options.shapes[graph.inputs[i].name] = inputs[i].sizes().vec();
  }
  const auto evaluated = graph::evaluate(graph, named);
  runtime::Session session(runtime::compile(graph, options));
  const auto run = session.run(named);
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    expect_close(evaluated.at(name), expected[i], "evaluator, " + name);
    expect_close(run.at(name), expected[i], "runtime, " + name);
  }
}

}  // namespace betimes::learn::testing
