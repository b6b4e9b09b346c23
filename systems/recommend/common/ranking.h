#pragma once

#include <cstdint>
#include <span>

namespace betimes::systems::recommend {

/// Area under the ROC curve of scores against 0/1 labels, ties counted half (Mann and Whitney
/// 1947). Throws Error for other lengths, and without both kinds of labels.
double auc(std::span<const float> scores, std::span<const float> labels);

/// Mean over users of their own AUC, weighted by their impressions; users with one kind of label
/// only are left out (Zhu et al. 2017). Throws Error when none is left.
double grouped_auc(std::span<const float> scores, std::span<const float> labels,
                   std::span<const int32_t> users);

/// Mean binary cross-entropy of probabilities.
double log_loss(std::span<const float> probabilities, std::span<const float> labels);

}  // namespace betimes::systems::recommend
