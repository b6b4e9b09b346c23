#include "betimes/report/predicted.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "betimes/report/detail/runtime_facts.h"
#include "betimes/report/detail/text.h"

namespace betimes::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t best_shown = 5;
constexpr size_t head_shown = 8;

struct Scored {
  int64_t index;
  double value;
};

/// Scores of classes, as classifiers give them for one example: floats [1, classes].
bool scores_classes(const Tensor& tensor) {
  return is_floating(tensor.dtype()) && tensor.shape().size() == 2 && tensor.shape()[0] == 1 &&
         tensor.size() > 1;
}

std::vector<Scored> best(const Tensor& tensor) {
  if (!scores_classes(tensor)) return {};
  const Tensor wide = tensor.cast(DType::f64);
  const auto values = wide.data<double>();
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto score = [&](int64_t i) {
    const double value = values[static_cast<size_t>(i)];
    return std::isnan(value) ? -INFINITY : value;  // never among the best
  };
  const size_t shown = std::min(best_shown, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
      [&](int64_t a, int64_t b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
  std::vector<Scored> result;
  for (size_t i = 0; i < shown; ++i) {
    result.push_back({order[i], values[static_cast<size_t>(order[i])]});
  }
  return result;
}

std::vector<double> head(const Tensor& tensor) {
  const Tensor wide = tensor.cast(DType::f64);
  const auto values = wide.data<double>();
  return {values.begin(),
          values.begin() + static_cast<std::ptrdiff_t>(std::min(head_shown, values.size()))};
}

Json output_json(const PredictedOutput& output) {
  Json top = Json::array();
  for (const Scored& entry : best(output.value)) {
    top.push_back({{"index", entry.index}, {"value", entry.value}});
  }
  return {{"name", output.name},
          {"dtype", std::string(name(output.value.dtype()))},
          {"shape", output.value.shape()},
          {"top", std::move(top)},
          {"head", head(output.value)},
          {"file", output.file.empty() ? Json(nullptr) : Json(output.file)}};
}

std::string output_text(const PredictedOutput& output) {
  std::string text =
      fmt::format("\n  {}  {}\n", detail::printable(output.name), to_string(output.value.type()));
  const std::vector<Scored> classes = best(output.value);
  for (const Scored& entry : classes) {
    text += fmt::format("    class {:<6} {:.6g}\n", entry.index, entry.value);
  }
  if (classes.empty()) {
    std::string values;
    for (const double value : head(output.value)) values += fmt::format(" {:.6g}", value);
    const bool more = static_cast<size_t>(output.value.size()) > head_shown;
    text += fmt::format("   {}{}\n", values, more ? " ..." : "");
  }
  if (!output.file.empty()) text += "    written to " + detail::printable(output.file) + "\n";
  return text;
}

}  // namespace

std::string render_json(const Predicted& predicted) {
  Json outputs = Json::array();
  for (const PredictedOutput& output : predicted.outputs) outputs.push_back(output_json(output));
  const Json object = {
      {"model", predicted.model},
      {"threads", predicted.threads},
      {"isa", predicted.isa},
      {"run_ms", predicted.run_ms},
      {"plans", predicted.counts ? detail::counts_json(*predicted.counts) : Json()},
      {"huge_page_bytes", predicted.huge_page_bytes ? Json(*predicted.huge_page_bytes) : Json()},
      {"outputs", std::move(outputs)}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_text(const Predicted& predicted) {
  std::string text = fmt::format("\n{}, one run: {}\n", detail::printable(predicted.model),
                                 detail::format_ms(predicted.run_ms));
  for (const PredictedOutput& output : predicted.outputs) text += output_text(output);
  if (predicted.counts) text += "\n  plans: " + detail::counts_text(*predicted.counts) + "\n";
  if (predicted.huge_page_bytes) {
    text += "\n  " + detail::huge_pages_text(*predicted.huge_page_bytes) + "\n";
  }
  return text + "\n";
}

}  // namespace betimes::report
