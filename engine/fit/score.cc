#include "betimes/fit/score.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "betimes/base/error.h"
#include "betimes/runtime/session.h"

namespace betimes::fit {
namespace {

int64_t row_width(const runtime::Session& session) {
  int64_t width = 0;
  for (const TensorView& output : session.outputs()) width += output.size();
  return width;
}

void check_input(const runtime::Session& session, const Tensor& inputs) {
  if (session.inputs().size() != 1) {
    throw Error("model", "has " + std::to_string(session.inputs().size()) + " inputs",
                "one input, to run it over examples");
  }
  Shape one = inputs.shape();
  if (!one.empty()) one[0] = 1;
  const TensorType wanted{inputs.dtype(), one};
  if (session.inputs()[0].type != wanted) {
    throw Error("examples", "are " + to_string(wanted) + " each",
                to_string(session.inputs()[0].type));
  }
}

/// Appends the session's outputs to `row`, converted to float.
void copy_outputs(const runtime::Session& session, int64_t example, float* row) {
  for (const TensorView& output : session.outputs()) {
    const auto count = static_cast<size_t>(output.size());
    visit(output.type.dtype, [&](auto zero) {
      using T = decltype(zero);
      const T* values = output.as<T>();
      for (size_t i = 0; i < count; ++i) {
        if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
          row[i] = to_float(values[i]);
        } else {
          row[i] = static_cast<float>(values[i]);
        }
      }
    });
    for (size_t i = 0; i < count; ++i) {
      if (std::isfinite(row[i])) continue;
      throw Error("example " + std::to_string(example), "gives an output that isn't finite");
    }
    row += count;
  }
}

}  // namespace

std::span<const float> Predictions::row(int64_t i) const {
  const auto width = static_cast<size_t>(rows.shape()[1]);
  return rows.data<float>().subspan(static_cast<size_t>(i) * width, width);
}

Predictions predict(const std::shared_ptr<const runtime::Plan>& plan, const Tensor& inputs,
                    int workers) {
  const int64_t count = inputs.shape().empty() ? 0 : inputs.shape()[0];
  runtime::Session first(plan);
  check_input(first, inputs);
  const int64_t width = row_width(first);
  Predictions result{Tensor(DType::f32, {count, width})};
  float* rows = result.rows.mutable_data<float>().data();
  const size_t bytes = count > 0 ? inputs.bytes() / static_cast<size_t>(count) : 0;

  std::atomic<int64_t> next{0};
  std::exception_ptr problem;
  std::mutex guard;
  const auto work = [&](runtime::Session& session) {
    try {
      for (int64_t i = next++; i < count; i = next++) {
        std::memcpy(session.inputs()[0].data, inputs.raw() + static_cast<size_t>(i) * bytes, bytes);
        session.run();
        copy_outputs(session, i, rows + i * width);
      }
    } catch (...) {
      const std::lock_guard lock(guard);
      problem = std::current_exception();
      next = count;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < workers && i < count; ++i) {
    threads.emplace_back([&] {
      runtime::Session session(plan);
      work(session);
    });
  }
  work(first);
  for (std::thread& thread : threads) thread.join();
  if (problem) std::rethrow_exception(problem);
  return result;
}

std::vector<double> scores(const judge::Metric& metric, const Predictions& found,
                           const Predictions& reference, const std::vector<int64_t>& labels) {
  std::vector<double> result;
  for (int64_t i = 0; i < found.rows.shape()[0]; ++i) {
    const int64_t label = labels.empty() ? -1 : labels[static_cast<size_t>(i)];
    result.push_back(metric.score(found.row(i), reference.row(i), label));
  }
  return result;
}

double output_error(const Predictions& found, const Predictions& reference) {
  const int64_t count = found.rows.shape()[0];
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double dot = 0;
    double a = 0;
    double b = 0;
    const auto x = found.row(i);
    const auto y = reference.row(i);
    for (size_t j = 0; j < x.size(); ++j) {
      dot += double{x[j]} * y[j];
      a += double{x[j]} * x[j];
      b += double{y[j]} * y[j];
    }
    sum += a == 0 && b == 0 ? 0.0 : 1.0 - dot / std::sqrt(std::max(a * b, 1e-300));
  }
  return count > 0 ? std::max(sum / static_cast<double>(count), 0.0) : 0.0;
}

}  // namespace betimes::fit
