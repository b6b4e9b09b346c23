#include "bench/cost/train.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/cost/cost_model.h"

namespace betimes::bench {
namespace {

void check(int code, const char* what) {
  if (code != 0) throw Error("XGBoost", fmt::format("{}: {}", what, XGBGetLastError()));
}

template <int (*Free)(void*)>
struct Freed {
  void operator()(void* handle) const { Free(handle); }
};
using Matrix = std::unique_ptr<void, Freed<XGDMatrixFree>>;
using Booster = std::unique_ptr<void, Freed<XGBoosterFree>>;

Matrix matrix(const std::vector<Lesson>& lessons) {
  std::vector<float> rows;
  std::vector<float> labels;
  std::vector<float> weights;
  for (const Lesson& lesson : lessons) {
    const auto numbers = cost::features(*lesson.kernel, lesson.device->machine);
    rows.insert(rows.end(), numbers.begin(), numbers.end());
    const double baseline = cost::baseline_ms(lesson.kernel->work, lesson.device->machine);
    labels.push_back(static_cast<float>(std::log(lesson.kernel->ms / baseline)));
    weights.push_back(static_cast<float>(lesson.weight));
  }
  // Of mean 1: what XGBoost's bounds on leaves count in are weights.
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) /
                      static_cast<double>(std::max<size_t>(weights.size(), 1));
  for (float& each : weights) each = static_cast<float>(each / mean);
  DMatrixHandle handle = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), labels.size(), cost::feature_count, std::nanf(""),
                               &handle),
        "the features");
  Matrix made(handle);
  check(XGDMatrixSetFloatInfo(handle, "label", labels.data(), labels.size()), "the labels");
  check(XGDMatrixSetFloatInfo(handle, "weight", weights.data(), weights.size()), "the weights");
  return made;
}

/// Without what was noted of the nodes while they were learned: more than half of the file.
std::string predicting_part(const std::string& text) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(text);
  for (auto& tree : json["learner"]["gradient_booster"]["model"]["trees"]) {
    for (const char* noted : {"base_weights", "loss_changes", "parents", "sum_hessian"}) {
      tree.erase(noted);
    }
  }
  return json.dump();
}

}  // namespace

Lesson lesson(const cost::Device& device, const cost::KernelTime& kernel, double network_ms) {
  return {&device, &kernel, 0.02 + std::sqrt(kernel.ms / network_ms)};
}

std::string train_kernels(const std::vector<Lesson>& lessons, const TrainOptions& options) {
  const Matrix rows = matrix(lessons);
  DMatrixHandle const data[] = {rows.get()};
  BoosterHandle handle = nullptr;
  check(XGBoosterCreate(data, 1, &handle), "a booster");
  const Booster booster(handle);
  const std::pair<const char*, std::string> parameters[] = {
      {"objective", "reg:squarederror"},
      {"tree_method", "hist"},
      {"max_depth", fmt::format("{}", options.depth)},
      {"eta", fmt::format("{}", options.rate)},
      {"min_child_weight", "1"},
      {"subsample", "0.7"},
      {"colsample_bytree", "0.9"},
      {"max_bin", "128"},
      {"nthread", fmt::format("{}", options.threads)},
      {"seed", fmt::format("{}", options.seed)}};
  for (const auto& [name, value] : parameters) {
    check(XGBoosterSetParam(handle, name, value.c_str()), name);
  }
  for (int round = 0; round < options.rounds; ++round) {
    check(XGBoosterUpdateOneIter(handle, round, rows.get()), "a round");
  }
  const TemporaryFolder folder;
  const std::string path = folder.at("kernels.json");
  check(XGBoosterSaveModel(handle, path.c_str()), "saving");
  const auto bytes = read_file(path);
  return predicting_part({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace betimes::bench
