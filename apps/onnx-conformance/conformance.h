#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Runs models on recorded inputs and compares with recorded outputs, in the folder layout of the
/// ONNX project's backend tests: <any>/model.onnx beside <any>/test_data_set_*/{input,output}_*.pb.
namespace betimes::conformance {

enum class Verdict : uint8_t { passed, failed, out_of_scope };

struct Case {
  std::string name;   // of the folder
  std::string suite;  // of the folder around it
  std::string op;     // of a model that has one node; "" otherwise
  Verdict verdict = Verdict::failed;
  std::string reason;  // why it failed or isn't tried
};

struct Options {
  int threads = 1;
  /// Of ONNX's own test runner. 16-bit floats get a unit in their last place.
  double relative_tolerance = 1e-3;
  double absolute_tolerance = 1e-7;
  /// The operators' plain evaluators instead of the runtime.
  bool reference = false;
};

/// The cases below a folder, sorted by path. Throws Error when there are none.
std::vector<std::filesystem::path> find_cases(const std::filesystem::path& folder);
/// Runs one case with the runtime: every data set, and passes when all agree. What it
/// throws is the reason of the failure.
Case run_case(const std::filesystem::path& folder, const Options& options = {});

/// "712 passed, 2 failed, 30 out of scope", the failures with reasons, and a line an operator.
std::string render_text(const std::vector<Case>& cases);
std::string render_json(const std::vector<Case>& cases);
/// Totals by suite and by operator, the tables of docs/operators.md.
std::string render_markdown(const std::vector<Case>& cases);

}  // namespace betimes::conformance
