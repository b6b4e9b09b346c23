#pragma once

#include "betimes/system/study.h"
#include "betimes/system/system.h"

// IIR-SNN (Chowdhury, Rathi and Roy, October 2021): a spiking net's time steps are reduced from
// five to one by training each shorter net from the longer one. What is served needs no LibTorch.

namespace betimes::system {

System iir_snn_system();
void iir_snn_train(const TrainOptions& options);
void iir_snn_reproduce(Study& study);

}  // namespace betimes::system

namespace betimes::systems::iir_snn {

/// Where train() keeps the net of `time_steps` steps (0: the ReLU net) in the folder of weights.
std::string weights_file(const system::Places& places, int64_t time_steps);

}  // namespace betimes::systems::iir_snn
