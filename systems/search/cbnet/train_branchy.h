#pragma once

#include <functional>
#include <string>
#include <vector>

#include "betimes/learn/training.h"
#include "systems/search/cbnet/exits.h"
#include "systems/search/cbnet/train_nets.h"
#include "systems/search/common/train_images.h"

namespace betimes::systems::cbnet {

/// How long and how fast: Adam with a cosine from `rate` down to zero, the last epoch's weights.
struct Training {
  int epochs = 8;
  int64_t batch = 128;
  double rate = 2e-3;
  uint64_t seed = 1;
  std::string checkpoint = {};  // written after each epoch; empty: none
  bool resume = false;          // go on from the checkpoint where there is one
};

using Report = std::function<void(const learn::Epoch&)>;

/// Trains what `module` holds.
void train_with(torch::nn::Module& module, const learn::Dataset& data,
                const std::function<at::Tensor(const learn::Batch&)>& loss, const Training& how,
                const Report& report);

/// Both exits at once: 1.0 * cross-entropy of exit 1 + 0.3 * that of exit 2.
void train_branchy(Branchy& net, const search::Images& images, const Training& how,
                   const Report& report);

/// Cross-entropy alone: any of the networks that answer with logits.
void train_classifier(torch::nn::AnyModule net, const search::Images& images, const Training& how,
                      const Report& report);

/// Half cross-entropy, half the divergence from what `teacher` (logits of the same images) says at
/// temperature 4 (Hinton, Vinyals and Dean 2015).
void distil(Front& net, const search::Images& images, const at::Tensor& teacher,
            const Training& how, const Report& report);

/// What the exits make of a set of images, in evaluation mode.
struct Answers {
  at::Tensor features;     // f32 [N, F]: what exit 1's last layer sees
  at::Tensor first, last;  // logits [N, 10] of exit 1 and exit 2
};
Answers answers(Branchy& net, const at::Tensor& images);

/// Logits [N, 10], or images of the converter, for all images at once, in evaluation mode.
at::Tensor apply_all(const std::function<at::Tensor(const at::Tensor&)>& net,
                     const at::Tensor& images);

/// -sum p log p of each row's softmax, f64 [N].
at::Tensor entropies(const at::Tensor& logits);

/// tau as choose_tau() finds it.
double tau_of(const Answers& held_out, const at::Tensor& labels);

/// Which images exit 1 takes and names right: bool [N].
at::Tensor easy_images(const at::Tensor& first_logits, const at::Tensor& labels, double tau);

}  // namespace betimes::systems::cbnet
