#pragma once

#include <string>

namespace betimes::systems::mlir_cost_model {

/// Written by hand: a product, a bias and a ReLU on it.
inline const char* const small_text =
    R"(func.func @main(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>, %arg2: tensor<16xf32>) -> (tensor<4x16xf32>) {
  %zero = arith.constant 0.000000e+00 : f32
  %half = arith.constant 5.000000e-01 : f32
  %0 = linalg.init_tensor [4, 16] : tensor<4x16xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<4x16xf32>) -> tensor<4x16xf32>
  %2 = linalg.matmul ins(%arg0, %arg1 : tensor<4x8xf32>, tensor<8x16xf32>) outs(%1 : tensor<4x16xf32>) -> tensor<4x16xf32>
  %3 = linalg.init_tensor [4, 16] : tensor<4x16xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%2, %arg2 : tensor<4x16xf32>, tensor<16xf32>) outs(%3 : tensor<4x16xf32>) {
  ^bb0(%in0: f32, %in1: f32, %out: f32):
    %s0 = arith.addf %in0, %in1 : f32
    %s1 = arith.maxf %s0, %zero : f32
    %s2 = arith.mulf %s1, %half : f32
    linalg.yield %s2 : f32
  } -> tensor<4x16xf32>
  return %4 : tensor<4x16xf32>
}
)";

/// A convolution with strides, a pool and a sum over channels, as mlir-opt prints functions: in a
/// module, with names for maps.
inline const char* const printed_text = R"(#map0 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
module {
  func.func @main(%arg0: tensor<1x9x9x4xf32>, %arg1: tensor<3x3x4x8xf32>, %arg2: tensor<2x2xf32>) -> tensor<1x2x2xf32> {
    %cst = arith.constant -1.000000e+30 : f32
    %cst_0 = arith.constant 0.000000e+00 : f32
    %0 = linalg.init_tensor [1, 4, 4, 8] : tensor<1x4x4x8xf32>
    %1 = linalg.fill ins(%cst_0 : f32) outs(%0 : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    %2 = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>} ins(%arg0, %arg1 : tensor<1x9x9x4xf32>, tensor<3x3x4x8xf32>) outs(%1 : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    %3 = linalg.init_tensor [1, 2, 2, 8] : tensor<1x2x2x8xf32>
    %4 = linalg.fill ins(%cst : f32) outs(%3 : tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    %5 = linalg.pooling_nhwc_max {dilations = dense<1> : tensor<2xi64>, strides = dense<[2, 2]> : tensor<2xi64>} ins(%2, %arg2 : tensor<1x4x4x8xf32>, tensor<2x2xf32>) outs(%4 : tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    %6 = linalg.init_tensor [1, 2, 2] : tensor<1x2x2xf32>
    %7 = linalg.fill ins(%cst_0 : f32) outs(%6 : tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
    %8 = linalg.generic {indexing_maps = [#map0, #map1], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%5 : tensor<1x2x2x8xf32>) outs(%7 : tensor<1x2x2xf32>) {
    ^bb0(%arg3: f32, %arg4: f32):
      %9 = arith.addf %arg3, %arg4 : f32
      linalg.yield %9 : f32
    } -> tensor<1x2x2xf32>
    return %8 : tensor<1x2x2xf32>
  }
}
)";

/// `text` with the first `from` replaced.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace betimes::systems::mlir_cost_model
