#include "bench/cost/train.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <memory>
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
  DMatrixHandle handle = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), labels.size(), cost::feature_count, std::nanf(""),
                               &handle),
        "the features");
  Matrix made(handle);
  check(XGDMatrixSetFloatInfo(handle, "label", labels.data(), labels.size()), "the labels");
  check(XGDMatrixSetFloatInfo(handle, "weight", weights.data(), weights.size()), "the weights");
  return made;
}

}  // namespace

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
      {"min_child_weight", "3"},
      {"subsample", "0.7"},
      {"colsample_bytree", "0.6"},
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
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace betimes::bench
