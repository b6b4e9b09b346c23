#pragma once

namespace betimes::systems::spiking {

/// Arithmetic of one prediction. Spikes are added, real input is multiplied.
struct Operations {
  double macs = 0;  // multiply-accumulates
  double adds = 0;  // accumulates that a spike causes
  Operations& operator+=(const Operations& other) {
    macs += other.macs;
    adds += other.adds;
    return *this;
  }
};

/// Energy in nanojoules of 32-bit floating-point arithmetic alone, in a 45 nm process: 3.7 pJ a
/// multiplication and 0.9 pJ an addition (Horowitz, "Computing's energy problem", ISSCC 2014). A
/// model, as the papers on spiking networks use it: memory isn't in it, and nothing here was
/// measured with a meter.
inline double modelled_energy_nj(const Operations& operations) {
  return (4.6 * operations.macs + 0.9 * operations.adds) * 1e-3;
}

}  // namespace betimes::systems::spiking
