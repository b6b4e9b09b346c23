#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace betimes::import_cli {

/// One --input: "[name:]shape[:type[:low..high]]", as "1x3x224x224", "Nx3x224x224" or
/// "items:Nx20:int64:0..999". An N stands for the batch, which stays open.
struct Input {
  std::string name;            // empty: the default
  std::vector<int64_t> shape;  // -1 where the batch is
  at::ScalarType type = at::kFloat;
  double low = 0, high = 1;  // of random values: uniform, both included
  bool normal = true;        // standard normal instead, where no range is given

  int64_t batch_axis() const;  // -1: none
  /// Random values for a batch of this size, from LibTorch's generator.
  at::Tensor draw(int64_t batch) const;
};

/// Throws Error that shows the form.
Input parse_input(const std::string& text);

}  // namespace betimes::import_cli
