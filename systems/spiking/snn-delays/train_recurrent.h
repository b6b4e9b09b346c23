#pragma once

#include "systems/spiking/snn-delays/train_delays.h"

namespace betimes::systems::snn_delays {

/// References without delays that remember by recurrence.
/// - spiking: one layer of leaky neurons that hear each other's spikes of the last bin.
/// - gru: a gated recurrent unit; its last layer reads the mean of its states.
enum class Recurrent { spiking, gru };

struct RecurrentResult {
  double test = 0;
  double parameters = 0;
};

/// Trains with Adam (1e-3 to 5e-3 in one cycle) and gives the accuracy on the test data of the
/// epoch that validates best.
RecurrentResult train_recurrent(const std::string& name, Recurrent kind, int64_t hidden, double tau,
                                const DelayTraining& training, const Splits& data);

}  // namespace betimes::systems::snn_delays
