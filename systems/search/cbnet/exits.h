#pragma once

#include <span>
#include <vector>

namespace betimes::systems::cbnet {

/// Entropy -sum p log p of softmax(logits), in nats: 0 for a certain answer, log(n) for none.
double entropy(std::span<const float> logits);

/// BranchyNet's rule: the first exit's answer is taken when its entropy is not above tau.
inline bool takes_exit(double entropy, double tau) { return entropy <= tau; }

/// What the two exits made of one image.
struct ExitPair {
  double entropy = 0;  // of the first
  bool first_right = false, last_right = false;
};

/// The largest threshold of interest: beyond it a first exit that is as good as the last would take
/// every image, and nothing would tell easy ones from hard ones any more.
inline constexpr double largest_tau = 0.5;

/// The largest tau up to `largest` at which the share of right answers lies at most `tolerance`
/// below that of the last exit alone; 0 where there is none. Throws Error without images.
double choose_tau(std::vector<ExitPair> images, double tolerance = 0.002,
                  double largest = largest_tau);

}  // namespace betimes::systems::cbnet
