#include "betimes/judge/series/ranking.h"

#include <algorithm>
#include <numeric>

namespace betimes::judge {

Ranking rank(std::span<const double> scores) {
  Ranking ranking;
  ranking.order.resize(scores.size());
  std::iota(ranking.order.begin(), ranking.order.end(), uint32_t{0});
  std::ranges::sort(ranking.order, [&](uint32_t a, uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  for (size_t i = 1; i <= scores.size(); ++i) {
    if (i == scores.size() || scores[ranking.order[i]] != scores[ranking.order[i - 1]]) {
      ranking.ends.push_back(i);
    }
  }
  return ranking;
}

}  // namespace betimes::judge
