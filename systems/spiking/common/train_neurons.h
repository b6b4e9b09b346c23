#pragma once

#include <ATen/ATen.h>

namespace betimes::systems::spiking {

/// Slopes that stand in for the step's where gradients pass it. `z` is the distance from the
/// threshold.
/// 0.3 max(0, 1 - |z|), z in thresholds (IIR-SNN, as Bellec et al., NeurIPS 2018).
double triangle_slope(double z);
/// (a / 2) / (1 + (pi a z / 2)^2), a = 5: that of an arctangent (Fang et al., ICCV 2021).
double arctan_slope(double z);

/// Spikes (0 or 1) of neurons with soft reset, from currents f32 [T, ...]:
///   u_t = leak m_{t-1} + currents_t;  o_t = u_t / threshold > 1;  m_t = u_t - threshold o_t
/// `threshold` and `leak` are scalars. Gradients reach all three; o_t's is the triangle's, the one
/// in the reset carries none.
at::Tensor soft_reset_spikes(const at::Tensor& currents, const at::Tensor& threshold,
                             const at::Tensor& leak);

/// Spikes of neurons with hard reset and threshold 1, from currents f32 [T, ...]:
///   v_t = leak m_{t-1} + currents_t;  o_t = v_t >= 1;  m_t = 0 where it fires, else v_t
/// o_t's gradient is the arctangent's; the reset isn't differentiated.
at::Tensor hard_reset_spikes(const at::Tensor& currents, double leak);

/// Membranes v_t = leak v_{t-1} + currents_t of neurons that never fire.
at::Tensor leaky_sums(const at::Tensor& currents, double leak);

}  // namespace betimes::systems::spiking
