#pragma once

#include <string>

#include "betimes/graph/graph.h"
#include "betimes/judge/task.h"

namespace betimes::cli {

inline constexpr const char* default_model_name = "fashion-classifier";

/// The model at `path`, or the embedded default when `path` is empty.
graph::Graph load_model(const std::string& path);
/// Bytes of that file.
size_t model_bytes(const std::string& path);
/// How messages call that model: the file's name, or default_model_name.
std::string model_name(const std::string& path);

/// Fashion-MNIST as Debian's package dataset-fashion-mnist installs it: calibration and validation
/// from the training images (validation from the last 5,000, which the default model wasn't trained
/// on), test from the 10,000 test images. Throws Error naming the package when it isn't there.
judge::Task default_task();

}  // namespace betimes::cli
