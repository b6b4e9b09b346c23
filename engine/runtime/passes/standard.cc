#include "betimes/runtime/passes.h"
#include "betimes/runtime/passes/passes.h"

namespace betimes::runtime {

std::vector<graph::Pass> standard_passes() {
  return {simplify_pass(),    channel_shuffle_pass(),    attention_pass(),    layer_norm_pass(),
          gelu_pass(),        canonical_pass(),          pad_pass(),          batch_norm_pass(),
          scale_shift_pass(), spelled_activation_pass(), powers_pass(),       residual_pass(),
          activation_pass(),  unsigned_pass(),           cancel_pairs_pass(), move_quantized_pass(),
          quantized_pass(),   fold_weights_pass(),       elementwise_pass()};
}

}  // namespace betimes::runtime
