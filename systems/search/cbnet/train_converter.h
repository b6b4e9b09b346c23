#pragma once

#include "systems/search/cbnet/train_branchy.h"
#include "systems/search/cbnet/train_targets.h"

namespace betimes::systems::cbnet {

/// Mean squared error to the targets + 1e-6 times the L1 norm of the code.
void train_converter(Converter& g, const ConversionPairs& pairs, const Training& how,
                     const Report& report);

/// Tunes f on what g makes of the images; g stays as it is.
void tune(Front& f, Converter& g, const search::Images& images, const Training& how,
          const Report& report);

/// Tunes both: cross-entropy of f(g(x)) + mean squared error to the targets.
void tune_jointly(Converted& net, const ConversionPairs& pairs, const Training& how,
                  const Report& report);

/// How CBNet is built.
struct Recipe {
  LenetWidths lenet;
  ConverterWidths converter;
  TargetOptions target;
  Training branchy, conversion, tuning;
  bool lower_bar = false;  // a class without easy images: what exit 1 names right; else refused
};

/// The early-exit network with what follows from it.
struct Base {
  Branchy net{nullptr};
  double tau = 0;
  Seen seen;                         // the training images
  std::vector<std::string> lowered;  // classes for which the bar was lowered
};

/// Steps 1 and 2: BranchyNet, tau on the held-out images, labels of the training images. What
/// nothing is chosen by, the test images, isn't handed in. Throws Error as easy_by_class() does
/// unless the recipe lowers the bar.
Base build_base(const search::Images& training, const search::Images& held_out,
                const std::vector<std::string>& class_names, const Recipe& recipe,
                const Report& report);

/// Steps 3 and 4: the converter and the classifier, before and after tuning.
struct Built {
  Converter g{nullptr};
  Front untouched{nullptr}, tuned{nullptr};
};
Built build_converted(const Base& base, const search::Images& training,
                      const std::vector<std::string>& class_names, const Recipe& recipe,
                      const Report& report);

}  // namespace betimes::systems::cbnet
