#include "systems/search/cbnet/exits.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {

double entropy(std::span<const float> logits) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0, weighted = 0;
  for (const float logit : logits) {
    const double below = double{logit} - most;
    const double weight = std::exp(below);
    sum += weight;
    weighted += weight * below;
  }
  return std::log(sum) - weighted / sum;
}

double choose_tau(std::vector<ExitPair> images, double tolerance, double largest) {
  if (images.empty()) throw Error("threshold", "can't be chosen without images");
  std::ranges::sort(images, {}, &ExitPair::entropy);
  double right = 0;
  for (const ExitPair& image : images) right += image.last_right;
  const double least = right - tolerance * static_cast<double>(images.size());
  double tau = 0;
  bool all = true;  // every image so far may exit
  for (size_t i = 0; i < images.size(); ++i) {
    if (images[i].entropy > largest) break;
    right += int{images[i].first_right} - int{images[i].last_right};
    const bool tied = i + 1 < images.size() && images[i + 1].entropy == images[i].entropy;
    if (tied) continue;
    all = right >= least - 1e-9;
    if (all) tau = images[i].entropy;
  }
  // Between the last image that exits and the next one any threshold does the same.
  return all ? largest : tau;
}

}  // namespace betimes::systems::cbnet
