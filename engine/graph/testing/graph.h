#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/graph/graph.h"

/// Small graphs, and what they are refused for.
namespace betimes::graph::testing {

inline ValueInfo value(const std::string& name, std::vector<Dim> dims = {{2, ""}},
                       DType dtype = DType::f32) {
  return {name, dtype, std::move(dims)};
}

/// A node of ONNX's domain, of the name that its first output has.
inline Node node(const std::string& op, std::vector<std::string> inputs,
                 std::vector<std::string> outputs) {
  return {"to_" + outputs.at(0), op, "", std::move(inputs), std::move(outputs), {}};
}

/// The call throws Error, whose text has all of `parts`.
template <class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown, instead of an error with " << parts.at(0);
  } catch (const Error& error) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << error.what() << " doesn't say " << part;
    }
  }
}

}  // namespace betimes::graph::testing
