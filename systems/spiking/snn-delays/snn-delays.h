#pragma once

#include "betimes/system/study.h"
#include "betimes/system/system.h"

// SNN-delays (Hammouamri, Khalfaoui-Hassani and Masquelier, ICLR 2024): spiking nets whose synapses
// have a learned delay each, heard bin by bin. What is served needs no LibTorch.

namespace betimes::system {

System snn_delays_system();
void snn_delays_train(const TrainOptions& options);
void snn_delays_reproduce(Study& study);

}  // namespace betimes::system

namespace betimes::systems::snn_delays {

/// Where train() keeps the net of that name ("learned", "none") in the folder of weights.
std::string weights_file(const system::Places& places, const std::string& net);
/// The folder of spoken digits in the data folder.
std::string digits_folder(const system::Places& places);

}  // namespace betimes::systems::snn_delays
