#pragma once

#include <functional>
#include <map>
#include <string>

#include "betimes/graph/graph.h"
#include "systems/hardware/wa-hls4ml/train_surrogate.h"

namespace betimes::systems::wa_hls4ml {

/// The graphs that are served, with statistics in their metadata: of a transformer, and of the
/// classifier. Throws Error for a surrogate of another kind.
graph::Graph costs_graph(Surrogate& surrogate);
graph::Graph success_graph(SuccessClassifier& classifier);

/// Classifiers of Fashion-MNIST in 7 x 7 pixels, one for each choice of hidden layers, by name as
/// read_dense() takes them. `images`: of the training part, at most; throws Error as
/// learn::load_fashion_mnist() does.
struct ClassifierTraining {
  int64_t images = 60'000;
  int epochs = 8;
  uint64_t seed = 1;
};
std::map<std::string, Tensor> train_classifiers(
    const ClassifierTraining& how, const std::function<void(const std::string&)>& line);

}  // namespace betimes::systems::wa_hls4ml
