#include "systems/spiking/common/train_neurons.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "betimes/base/error.h"

// All steps of a layer in one function: autograd's own graph would hold a dozen nodes a step, each
// a pass over memory.

namespace betimes::systems::spiking {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr float alpha = 5;
constexpr float half_pi = static_cast<float>(std::numbers::pi / 2);

inline float triangle(float z) { return 0.3f * std::max(0.0f, 1 - std::abs(z)); }
inline float arctan(float z) {
  const float x = half_pi * alpha * z;
  return alpha / 2 / (1 + x * x);
}

/// Currents of T steps for N neurons each.
struct Steps {
  at::Tensor tensor;
  int64_t steps, neurons;

  explicit Steps(const at::Tensor& currents) : tensor(currents.contiguous()) {
    if (currents.dim() < 1 || currents.size(0) < 1 || currents.scalar_type() != at::kFloat) {
      throw Error("spiking neurons", "need float currents [T, ...]", "T >= 1");
    }
    steps = currents.size(0);
    neurons = currents.numel() / steps;
  }
  float* at(int64_t t) const { return tensor.data_ptr<float>() + t * neurons; }
};

/// f(first neuron, end) on pieces that stay in the first-level cache over all steps.
template <class F>
void for_pieces(int64_t neurons, const F& f) {
  constexpr int64_t piece = 1024;
  at::parallel_for(0, (neurons + piece - 1) / piece, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i * piece, std::min(neurons, (i + 1) * piece));
  });
}

struct SoftReset : Function<SoftReset> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& currents,
                            const at::Tensor& threshold, const at::Tensor& leak) {
    const Steps in(currents);
    const Steps u(at::empty_like(in.tensor)), out(at::empty_like(in.tensor));
    const float v = threshold.item<float>(), decay = leak.item<float>();
    for_pieces(in.neurons, [&](int64_t begin, int64_t end) {
      std::vector<float> membrane(static_cast<size_t>(end - begin));
      for (int64_t t = 0; t < in.steps; ++t) {
        const float* x = in.at(t) + begin;
        float *ut = u.at(t) + begin, *o = out.at(t) + begin, *m = membrane.data();
        for (int64_t i = 0; i < end - begin; ++i) {
          ut[i] = decay * m[i] + x[i];
          o[i] = ut[i] > v ? 1.0f : 0.0f;
          m[i] = ut[i] - v * o[i];
        }
      }
    });
    context->save_for_backward({u.tensor, threshold, leak});
    return out.tensor;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Steps u(saved[0]), out(gradients[0]), in(at::empty_like(u.tensor));
    const float v = saved[1].item<float>(), decay = saved[2].item<float>();
    constexpr int64_t piece = 1024;
    const auto pieces = static_cast<size_t>((u.neurons + piece - 1) / piece);
    std::vector<double> to_threshold(pieces), to_leak(pieces);
    for_pieces(u.neurons, [&](int64_t begin, int64_t end) {
      std::vector<float> later(static_cast<size_t>(end - begin));  // what m_t's gradient is
      double sum_threshold = 0, sum_leak = 0;
      for (int64_t t = u.steps; t-- > 0;) {
        const float *ut = u.at(t) + begin, *go = out.at(t) + begin;
        const float* before = t > 0 ? u.at(t - 1) + begin : nullptr;
        float *gx = in.at(t) + begin, *gm = later.data();
        float threshold_part = 0, leak_part = 0;
        for (int64_t i = 0; i < end - begin; ++i) {
          const float slope = go[i] * triangle(ut[i] / v - 1) / v;
          const float fired = ut[i] > v ? 1.0f : 0.0f;
          threshold_part -= gm[i] * fired + slope * ut[i] / v;
          gx[i] = gm[i] + slope;
          if (before) leak_part += gx[i] * (before[i] > v ? before[i] - v : before[i]);
          gm[i] = decay * gx[i];
        }
        sum_threshold += double{threshold_part};
        sum_leak += double{leak_part};
      }
      to_threshold[static_cast<size_t>(begin / piece)] = sum_threshold;
      to_leak[static_cast<size_t>(begin / piece)] = sum_leak;
    });
    const auto total = [&](const std::vector<double>& parts, const at::Tensor& like) {
      double sum = 0;
      for (const double part : parts) sum += part;
      return at::full_like(like, sum);
    };
    return {in.tensor, total(to_threshold, saved[1]), total(to_leak, saved[2])};
  }
};

struct HardReset : Function<HardReset> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& currents, double leak) {
    const Steps in(currents);
    const Steps v(at::empty_like(in.tensor)), out(at::empty_like(in.tensor));
    const auto decay = static_cast<float>(leak);
    for_pieces(in.neurons, [&](int64_t begin, int64_t end) {
      std::vector<float> membrane(static_cast<size_t>(end - begin));
      for (int64_t t = 0; t < in.steps; ++t) {
        const float* x = in.at(t) + begin;
        float *vt = v.at(t) + begin, *o = out.at(t) + begin, *m = membrane.data();
        for (int64_t i = 0; i < end - begin; ++i) {
          vt[i] = decay * m[i] + x[i];
          o[i] = vt[i] >= 1 ? 1.0f : 0.0f;
          m[i] = vt[i] >= 1 ? 0.0f : vt[i];
        }
      }
    });
    context->save_for_backward({v.tensor});
    context->saved_data["leak"] = leak;
    return out.tensor;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Steps v(context->get_saved_variables()[0]), out(gradients[0]);
    const Steps in(at::empty_like(v.tensor));
    const auto decay = static_cast<float>(context->saved_data["leak"].toDouble());
    for_pieces(v.neurons, [&](int64_t begin, int64_t end) {
      std::vector<float> later(static_cast<size_t>(end - begin));
      for (int64_t t = v.steps; t-- > 0;) {
        const float *vt = v.at(t) + begin, *go = out.at(t) + begin;
        float *gx = in.at(t) + begin, *gm = later.data();
        for (int64_t i = 0; i < end - begin; ++i) {
          gx[i] = (vt[i] >= 1 ? 0.0f : gm[i]) + go[i] * arctan(vt[i] - 1);
          gm[i] = decay * gx[i];
        }
      }
    });
    return {in.tensor, at::Tensor()};
  }
};

/// to_t = from_t + leak to_{t -+ 1}: forward in time, or its gradient, backward.
at::Tensor decayed(const at::Tensor& from, double leak, bool backward) {
  const Steps in(from), out(at::empty_like(in.tensor));
  const auto decay = static_cast<float>(leak);
  for_pieces(in.neurons, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(static_cast<size_t>(end - begin));
    for (int64_t step = 0; step < in.steps; ++step) {
      const int64_t t = backward ? in.steps - 1 - step : step;
      const float* x = in.at(t) + begin;
      float *y = out.at(t) + begin, *m = sums.data();
      for (int64_t i = 0; i < end - begin; ++i) y[i] = m[i] = decay * m[i] + x[i];
    }
  });
  return out.tensor;
}

struct LeakySums : Function<LeakySums> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& currents, double leak) {
    context->saved_data["leak"] = leak;
    return decayed(currents, leak, false);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {decayed(gradients[0], context->saved_data["leak"].toDouble(), true), at::Tensor()};
  }
};

}  // namespace

double triangle_slope(double z) { return double{triangle(static_cast<float>(z))}; }
double arctan_slope(double z) { return double{arctan(static_cast<float>(z))}; }

at::Tensor soft_reset_spikes(const at::Tensor& currents, const at::Tensor& threshold,
                             const at::Tensor& leak) {
  if (threshold.numel() != 1 || leak.numel() != 1 || !(threshold.item<float>() > 0)) {
    throw Error("spiking neurons", "need one positive threshold and one leak");
  }
  return SoftReset::apply(currents, threshold, leak);
}
at::Tensor hard_reset_spikes(const at::Tensor& currents, double leak) {
  return HardReset::apply(currents, leak);
}
at::Tensor leaky_sums(const at::Tensor& currents, double leak) {
  return LeakySums::apply(currents, leak);
}

}  // namespace betimes::systems::spiking
