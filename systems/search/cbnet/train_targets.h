#pragma once

#include <string>
#include <vector>

#include "betimes/learn/loader.h"
#include "systems/search/common/train_images.h"

namespace betimes::systems::cbnet {

/// Which easy image of its class an image is turned into.
enum class TargetRule {
  random_easy,   // one drawn anew each time
  nearest_easy,  // the closest in exit 1's feature space
  prototype,     // the class's medoid there, or the nearest of several
};
const char* name(TargetRule rule);

/// Training images as exit 1 sees them.
struct Seen {
  at::Tensor features;  // f32 [N, F]
  at::Tensor entropy;   // f64 [N]
  at::Tensor labels;    // i64 [N]
  at::Tensor easy;      // bool [N]
};

/// Row numbers i64 [.] of each class's easy images. Throws Error naming the class that has none.
std::vector<at::Tensor> easy_by_class(const Seen& seen,
                                      const std::vector<std::string>& class_names);
/// `easy` with, for classes that would have none, every image that exit 1 names right instead;
/// `lowered` says which. `right` is bool [N].
at::Tensor with_lower_bar(const Seen& seen, const at::Tensor& right,
                          const std::vector<std::string>& class_names,
                          std::vector<std::string>& lowered);

/// The row of f32 [N, F] with the least sum of Euclidean distances to all rows. Needs a row.
int64_t medoid(const at::Tensor& features);
/// Medoids of `count` groups of the rows `which`, equally large and in order of their entropy, so
/// that sure and unsure images have prototypes of their own; fewer where there are fewer rows.
at::Tensor medoids(const Seen& seen, const at::Tensor& which, int64_t count);
/// For each row of f32 [N, F], the row of `among` [M, F] that is closest.
at::Tensor nearest(const at::Tensor& features, const at::Tensor& among);

struct TargetOptions {
  TargetRule rule = TargetRule::prototype;
  int64_t prototypes = 1;       // of each class
  bool easy_to_itself = false;  // easy images are their own targets
};

/// Pairs of a training image and its target, an image of the same class: inputs {image, target},
/// targets the labels. Training alone knows the class; nothing here is used afterwards.
class ConversionPairs : public learn::Dataset {
 public:
  /// Throws Error as easy_by_class() does, and for less than one prototype.
  ConversionPairs(const search::Images& images, const Seen& seen,
                  const std::vector<std::string>& class_names, const TargetOptions& options);
  int64_t size() const override { return images_.size(); }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override;
  /// Row numbers of the targets of `chosen`.
  at::Tensor targets(const at::Tensor& chosen, std::mt19937_64& random) const;

 private:
  void choose(const Seen& seen, const TargetOptions& options);

  search::Images images_;
  std::vector<at::Tensor> easy_;  // by class
  at::Tensor fixed_;              // i64 [N]; -1: drawn each time
};

}  // namespace betimes::systems::cbnet
