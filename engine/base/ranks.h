#pragma once

#include <vector>

namespace betimes {

/// Spearman's rank correlation, ties by their mean rank; 0 where one side is all alike. Throws
/// Error for other lengths or fewer than two pairs.
double spearman(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace betimes
