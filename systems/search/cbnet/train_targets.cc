#include "systems/search/cbnet/train_targets.h"

#include <torch/utils.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {
namespace {

constexpr int64_t rows_at_once = 1024;  // of distances

at::Tensor rows_of(const at::Tensor& mask) { return mask.nonzero().flatten(); }

}  // namespace

const char* name(TargetRule rule) {
  switch (rule) {
    case TargetRule::random_easy:
      return "random";
    case TargetRule::nearest_easy:
      return "nearest";
    case TargetRule::prototype:
      return "prototype";
  }
  return "";
}

std::vector<at::Tensor> easy_by_class(const Seen& seen,
                                      const std::vector<std::string>& class_names) {
  std::vector<at::Tensor> found;
  for (size_t c = 0; c < class_names.size(); ++c) {
    found.push_back(rows_of(seen.easy.logical_and(seen.labels == static_cast<int64_t>(c))));
    if (found.back().size(0) == 0) {
      throw Error("class " + class_names[c], "has no easy images to turn others into",
                  "longer training, a higher tau, or every image that exit 1 names right");
    }
  }
  return found;
}

at::Tensor with_lower_bar(const Seen& seen, const at::Tensor& right,
                          const std::vector<std::string>& class_names,
                          std::vector<std::string>& lowered) {
  at::Tensor easy = seen.easy.clone();
  for (size_t c = 0; c < class_names.size(); ++c) {
    const at::Tensor of_class = seen.labels == static_cast<int64_t>(c);
    if (seen.easy.logical_and(of_class).any().item<bool>()) continue;
    lowered.push_back(class_names[c]);
    easy = easy.logical_or(right.logical_and(of_class));
  }
  return easy;
}

int64_t medoid(const at::Tensor& features) {
  const torch::NoGradGuard no_gradient;
  std::vector<at::Tensor> sums;
  for (int64_t begin = 0; begin < features.size(0); begin += rows_at_once) {
    const int64_t end = std::min(begin + rows_at_once, features.size(0));
    sums.push_back(
        torch::cdist(features.slice(0, begin, end), features).sum(1, false, at::kDouble));
  }
  return torch::cat(sums).argmin().item<int64_t>();
}

at::Tensor medoids(const Seen& seen, const at::Tensor& which, int64_t count) {
  const at::Tensor order = which.index_select(
      0, seen.entropy.index_select(0, which).argsort(/*stable=*/true, /*dim=*/0, false));
  const int64_t groups = std::min(count, order.size(0));
  std::vector<int64_t> found;
  for (int64_t i = 0; i < groups; ++i) {
    const at::Tensor group =
        order.slice(0, i * order.size(0) / groups, (i + 1) * order.size(0) / groups);
    found.push_back(group[medoid(seen.features.index_select(0, group))].item<int64_t>());
  }
  return torch::tensor(found, torch::kLong);
}

at::Tensor nearest(const at::Tensor& features, const at::Tensor& among) {
  const torch::NoGradGuard no_gradient;
  std::vector<at::Tensor> found;
  for (int64_t begin = 0; begin < features.size(0); begin += rows_at_once) {
    const int64_t end = std::min(begin + rows_at_once, features.size(0));
    found.push_back(torch::cdist(features.slice(0, begin, end), among).argmin(1));
  }
  return torch::cat(found);
}

ConversionPairs::ConversionPairs(const search::Images& images, const Seen& seen,
                                 const std::vector<std::string>& class_names,
                                 const TargetOptions& options)
    : images_(images), easy_(easy_by_class(seen, class_names)) {
  if (options.prototypes < 1) throw Error("prototypes", "are fewer than one a class");
  choose(seen, options);
}

void ConversionPairs::choose(const Seen& seen, const TargetOptions& options) {
  fixed_ = torch::full({size()}, -1, torch::kLong);
  for (size_t c = 0; c < easy_.size() && options.rule != TargetRule::random_easy; ++c) {
    const at::Tensor members = rows_of(seen.labels == static_cast<int64_t>(c));
    const at::Tensor among = options.rule == TargetRule::nearest_easy
                                 ? easy_[c]
                                 : medoids(seen, easy_[c], options.prototypes);
    const at::Tensor closest =
        nearest(seen.features.index_select(0, members), seen.features.index_select(0, among));
    fixed_.index_copy_(0, members, among.index_select(0, closest));
  }
  // The nearest easy image of an easy one is itself, whatever rounding makes of equal features.
  if (options.easy_to_itself || options.rule == TargetRule::nearest_easy) {
    for (const at::Tensor& easy : easy_) fixed_.index_copy_(0, easy, easy);
  }
}

at::Tensor ConversionPairs::targets(const at::Tensor& chosen, std::mt19937_64& random) const {
  at::Tensor found = fixed_.index_select(0, chosen);
  auto rows = found.accessor<int64_t, 1>();
  const at::Tensor labels = images_.labels.index_select(0, chosen);
  const auto of = labels.accessor<int64_t, 1>();
  for (int64_t i = 0; i < found.size(0); ++i) {
    if (rows[i] >= 0) continue;
    const at::Tensor& easy = easy_[static_cast<size_t>(of[i])];
    std::uniform_int_distribution<int64_t> draw(0, easy.size(0) - 1);
    rows[i] = easy.data_ptr<int64_t>()[draw(random)];
  }
  return found;
}

learn::Batch ConversionPairs::get(const at::Tensor& chosen, std::mt19937_64& random) const {
  const at::Tensor rows = targets(chosen, random);
  return {{images_.images.index_select(0, chosen), images_.images.index_select(0, rows)},
          images_.labels.index_select(0, chosen)};
}

}  // namespace betimes::systems::cbnet
