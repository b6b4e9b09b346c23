#pragma once

#include "betimes/graph/pass.h"

/// The single passes; standard_passes() puts them in order.
namespace betimes::runtime {

graph::Pass simplify_pass();            // nodes that do nothing
graph::Pass canonical_pass();           // Conv, Gemm, MatMul, Relu... to the fused operators
graph::Pass spelled_activation_pass();  // x * HardSigmoid(x) and the like to one activation
graph::Pass pad_pass();                 // Pad into the convolution or pooling that follows
graph::Pass batch_norm_pass();          // BatchNormalization to factors and offsets
graph::Pass scale_shift_pass();         // factors and offsets per channel into weights and bias
graph::Pass channel_shuffle_pass();     // every second channel, spelled out by reshapes
graph::Pass attention_pass();           // softmax(Q K^T) V
graph::Pass layer_norm_pass();          // layer normalisation, spelled out
graph::Pass gelu_pass();                // Gelu, spelled out
graph::Pass powers_pass();              // squares to products
graph::Pass residual_pass();            // conv + value
graph::Pass activation_pass();          // f(conv)
graph::Pass unsigned_pass();            // int8 activations to uint8
graph::Pass cancel_pairs_pass();        // quantise(dequantise(x))
graph::Pass move_quantized_pass();      // pooling, reshaping, joining of 8-bit numbers
graph::Pass quantized_pass();           // dequantise, conv or product, quantise to one node
graph::Pass elementwise_pass();         // functions that follow one another
graph::Pass fold_weights_pass();        // 8-bit weights of nodes that stay in fp32

}  // namespace betimes::runtime
