#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// Where a model's image input has its channels.
enum class Layout { nchw, nhwc };

/// How stored values become the model's input: (value * scale - mean[c]) / deviation[c].
struct Preprocess {
  std::optional<float> scale;    // nullopt: 1/255 for bytes, so that they lie in [0, 1]; else 1
  std::vector<float> mean;       // per channel, or one for all; empty: 0
  std::vector<float> deviation;  // per channel, or one for all; empty: 1
  Layout layout = Layout::nchw;
};

struct DatasetOptions {
  Preprocess preprocess;
  int64_t max_examples = 0;  // as many, evenly spaced over the data; 0: all
};

/// Examples for a model with one input, stacked along dimension 0.
struct Dataset {
  Tensor inputs;                     // f32 [N, ...]
  std::vector<int64_t> labels;       // N class numbers, or empty
  std::vector<std::string> names;    // N file names when the data is a directory, else empty
  std::vector<std::string> classes;  // names of the classes when the labels are names, else empty
};

/// Loads examples for an input of shape [batch, ...] (its batch doesn't matter).
///
/// `data`: a directory of PNG and JPEG files (sorted by name, other files are passed over), an .npy
/// stack, an array of an .npz ("data.npz:x_test"), or an IDX file. Pictures, and byte stacks [N, H,
/// W] or [N, H, W, C], are resized to the model's height and width and made grey or RGB after its
/// channels; other stacks must have the model's shape, or equally many elements per example.
/// `labels`: empty for none; .csv (`file,label` for a directory; `label` or `index,label`
/// otherwise), .npy, .npz or IDX with one class number per example, in the order of the data.
///
/// Throws Error naming the file, and the example or line: for NaN and infinity, shapes that don't
/// fit, a label for a file that isn't there, a picture without label, and counts that differ.
Dataset load_examples(const std::string& data, const std::string& labels, const Shape& input,
                      const DatasetOptions& options = {});

}  // namespace betimes::import
