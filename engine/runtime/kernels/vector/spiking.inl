// Steps of spiking layers. Included once per instruction-set level, inside that level's namespace,
// after "#pragma GCC target", the level's name, `width`, `tile_blocks` (blocks of outputs whose sums
// fit in registers), `window_blocks` (blocks of three of them) and `signs`, which packs the sign bits of a vector.

namespace {

#include "betimes/runtime/kernels/vector/vectors.inl"

typedef int32_t Integers __attribute__((vector_size(width * sizeof(int32_t))));
typedef int32_t UnalignedIntegers
    __attribute__((vector_size(width * sizeof(int32_t)), aligned(sizeof(int32_t)), may_alias));

constexpr int64_t block_vectors = spike_block / width;

/// Sums of `blocks` blocks of outputs, in registers.
template <int64_t blocks>
struct Sums {
  static constexpr int64_t vectors = blocks * block_vectors;
  Vector at[vectors];

  Sums() = default;
  explicit Sums(const float* from) { read(from); }
  void read(const float* from) {
    for (int64_t v = 0; v < vectors; ++v) at[v] = load(from + v * width);
  }
  void add(const float* row) {
    for (int64_t v = 0; v < vectors; ++v) at[v] += load(row + v * width);
  }
  void add(float amount, const float* row) {
    for (int64_t v = 0; v < vectors; ++v) at[v] += amount * load(row + v * width);
  }
  void write(float* to) const {
    for (int64_t v = 0; v < vectors; ++v) store(at[v], to + v * width);
  }
};

/// One vector of membranes after its current; gives which fired, a bit each.
inline uint64_t fire_vector(const FiringRule& rule, Vector current, float* membrane) {
  const Vector u = membrane ? rule.leak * load(membrane) + current : current;
  const Integers fired = u > Vector{} + rule.threshold;
  if (membrane) {
    const Vector after = rule.to_zero ? Vector{} : u - rule.drop;
    store(fired ? after : u, membrane);
  }
  return signs(fired);
}

/// The same for all sums; bits in the order of the outputs.
template <int64_t blocks>
inline uint64_t fire_sums(const FiringRule& rule, const Sums<blocks>& sums, float* membrane) {
  uint64_t bits = 0;
  for (int64_t v = 0; v < Sums<blocks>::vectors; ++v) {
    float* at = membrane ? membrane + v * width : nullptr;
    bits |= fire_vector(rule, sums.at[v], at) << (v * width);
  }
  return bits;
}

/// The part of a window that lies inside the map, along one axis: taps [begin, end).
struct Taps {
  int64_t begin = 0, end = 0;
};
inline Taps taps_inside(int64_t start, int64_t kernel, int64_t extent) {
  const int64_t begin = start < 0 ? -start : 0;
  const int64_t end = start + kernel > extent ? extent - start : kernel;
  return {begin, end};
}

/// f(pixel of the map, tap of the kernel) for what output (y, x) sees.
template <class F>
inline void for_window(const SpikeConvolution& s, int64_t y, int64_t x, const F& f) {
  const int64_t top = y * s.stride - s.pad, left = x * s.stride - s.pad;
  const Taps rows = taps_inside(top, s.kernel_height, s.in_height);
  const Taps columns = taps_inside(left, s.kernel_width, s.in_width);
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    for (int64_t j = columns.begin; j < columns.end; ++j) {
      f((top + i) * s.in_width + left + j, i * s.kernel_width + j);
    }
  }
}

template <int64_t blocks>
inline void gather(const SpikeConvolution& s, const uint64_t* spikes, int64_t y, int64_t x,
                   int64_t output, Sums<blocks>& sums) {
  const int64_t padded = s.padded(), words = s.in_words();
  for_window(s, y, x, [&](int64_t pixel, int64_t tap) {
    for (int64_t word = 0; word < words; ++word) {
      const float* rows =
          s.weights + (tap * s.in_channels + word * spike_word) * padded + output;
      for (uint64_t left = spikes[pixel * words + word]; left != 0; left &= left - 1) {
        sums.add(rows + std::countr_zero(left) * padded);
      }
    }
  });
}

/// sink(sums, pixel, first output) for every pixel and every tile of outputs, `inputs` having added
/// to the bias.
template <int64_t blocks, class Inputs, class Sink>
inline void for_tile(const SpikeConvolution& s, int64_t output, const Inputs& inputs,
                     const Sink& sink) {
  for (int64_t y = 0; y < s.out_height; ++y) {
    for (int64_t x = 0; x < s.out_width; ++x) {
      Sums<blocks> sums(s.bias + output);
      inputs(y, x, output, sums);
      sink(sums, y * s.out_width + x, output);
    }
  }
}

template <class Inputs, class Sink>
inline void for_outputs(const SpikeConvolution& s, const Inputs& inputs, const Sink& sink) {
  const int64_t padded = s.padded();
  int64_t output = 0;
  const auto left = [&] { return (padded - output) / spike_block; };
  if constexpr (tile_blocks >= 4) {
    for (; left() >= 4; output += 4 * spike_block) for_tile<4>(s, output, inputs, sink);
  }
  for (; left() >= 2; output += 2 * spike_block) for_tile<2>(s, output, inputs, sink);
  for (; left() >= 1; output += spike_block) for_tile<1>(s, output, inputs, sink);
}

/// Outputs side by side share what they see. A window of `reach` of them moves along the row: a
/// spike in columns g * stride - pad + [0, stride) is heard by outputs g, g - 1, ... g - reach + 1
/// (kernel width = reach * stride), whose sums are all in registers, so it is looked up once.
template <int64_t reach, int64_t blocks>
struct Window {
  const SpikeConvolution& s;
  const uint64_t* spikes;
  int64_t output;
  Sums<blocks> sums[reach];

  Window(const SpikeConvolution& layer, const uint64_t* in, int64_t first)
      : s(layer), spikes(in), output(first) {
    for (Sums<blocks>& each : sums) each.read(s.bias + output);
  }

  /// Column j of group `group`, rows [taps.begin, taps.end) of the kernel, which begins at `top`.
  void hear(int64_t group, int64_t j, int64_t top, Taps taps) {
    const int64_t column = group * s.stride - s.pad + j;
    if (column < 0 || column >= s.in_width) return;
    const int64_t padded = s.padded(), words = s.in_words();
    const int64_t next = s.stride * s.in_channels * padded;  // one output further left
    for (int64_t i = taps.begin; i < taps.end; ++i) {
      const uint64_t* at = spikes + ((top + i) * s.in_width + column) * words;
      const float* tap = s.weights + (i * s.kernel_width + j) * s.in_channels * padded + output;
      for (int64_t word = 0; word < words; ++word) {
        const float* rows = tap + word * spike_word * padded;
        for (uint64_t left = at[word]; left != 0; left &= left - 1) {
          const float* row = rows + std::countr_zero(left) * padded;
          for (int64_t r = 0; r < reach; ++r) sums[r].add(row + r * next);
        }
      }
    }
  }

  /// Everything moves one output to the right.
  void move() {
    for (int64_t r = reach - 1; r > 0; --r) sums[r] = sums[r - 1];
    sums[0].read(s.bias + output);
  }
};

template <int64_t reach, int64_t blocks, class Sink>
inline void slide(const SpikeConvolution& s, const uint64_t* spikes, int64_t output,
                  const Sink& sink) {
  for (int64_t y = 0; y < s.out_height; ++y) {
    const int64_t top = y * s.stride - s.pad;
    const Taps taps = taps_inside(top, s.kernel_height, s.in_height);
    Window<reach, blocks> window(s, spikes, output);
    for (int64_t group = 0; group < s.out_width + reach - 1; ++group) {
      for (int64_t j = 0; j < s.stride; ++j) window.hear(group, j, top, taps);
      const int64_t x = group - reach + 1;
      if (x >= 0) sink(window.sums[reach - 1], y * s.out_width + x, output);
      window.move();
    }
  }
}

template <int64_t reach, class Sink>
inline void slide_all(const SpikeConvolution& s, const uint64_t* spikes, const Sink& sink) {
  const int64_t padded = s.padded();
  int64_t output = 0;
  const auto left = [&] { return (padded - output) / spike_block; };
  if constexpr (window_blocks >= 4) {
    for (; left() >= 4; output += 4 * spike_block) slide<reach, 4>(s, spikes, output, sink);
  }
  if constexpr (window_blocks >= 2) {
    for (; left() >= 2; output += 2 * spike_block) slide<reach, 2>(s, spikes, output, sink);
  }
  for (; left() >= 1; output += spike_block) slide<reach, 1>(s, spikes, output, sink);
}

/// sink(sums, pixel, first output) for all outputs of packed spikes.
template <class Sink>
inline void hear_all(const SpikeConvolution& s, const uint64_t* spikes, const Sink& sink) {
  const bool even = s.kernel_width % s.stride == 0 && s.out_width > 1;
  const int64_t reach = s.kernel_width / s.stride;
  if (even && reach == 3) return slide_all<3>(s, spikes, sink);
  if (even && reach == 2) return slide_all<2>(s, spikes, sink);
  for_outputs(
      s, [&](int64_t y, int64_t x, int64_t o, auto& sums) { gather(s, spikes, y, x, o, sums); },
      sink);
}

void currents(const SpikeConvolution& s, const uint64_t* spikes, float* out) {
  const int64_t padded = s.padded();
  hear_all(s, spikes, [&](const auto& sums, int64_t pixel, int64_t o) {
    sums.write(out + pixel * padded + o);
  });
}

void step(const SpikeConvolution& s, const FiringRule& rule, const uint64_t* spikes,
          float* membranes, uint64_t* out) {
  const int64_t padded = s.padded(), words = s.out_words();
  for (int64_t i = 0; i < s.out_pixels() * words; ++i) out[i] = 0;
  hear_all(s, spikes, [&](const auto& sums, int64_t pixel, int64_t o) {
    float* membrane = membranes ? membranes + pixel * padded + o : nullptr;
    const uint64_t bits = fire_sums(rule, sums, membrane);
    out[pixel * words + o / spike_word] |= bits << (o % spike_word);
  });
}

void analog(const SpikeConvolution& s, const float* input, float* out) {
  const int64_t padded = s.padded();
  const auto inputs = [&](int64_t y, int64_t x, int64_t o, auto& sums) {
    for_window(s, y, x, [&](int64_t pixel, int64_t tap) {
      const float* row = s.weights + tap * s.in_channels * padded + o;
      for (int64_t c = 0; c < s.in_channels; ++c) {
        sums.add(input[pixel * s.in_channels + c], row + c * padded);
      }
    });
  };
  for_outputs(s, inputs, [&](const auto& sums, int64_t pixel, int64_t o) {
    sums.write(out + pixel * padded + o);
  });
}

inline void add_row(const float* row, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += width) store(load(to + i) + load(row + i), to + i);
}

/// Tap `tap` of output `out` looks at the input `at`: out = (at + pad - tap) / stride, where whole.
inline bool seen_by(int64_t at, int64_t tap, const SpikeConvolution& s, int64_t extent,
                    int64_t& out) {
  const int64_t start = at + s.pad - tap;
  if (start < 0 || start % s.stride != 0) return false;
  out = start / s.stride;
  return out < extent;
}

void scatter(const SpikeConvolution& s, const uint64_t* spikes, float* out) {
  const int64_t padded = s.padded(), words = s.in_words();
  for (int64_t index = 0; index < s.in_pixels() * words; ++index) {
    if (spikes[index] == 0) continue;
    const int64_t pixel = index / words, first = index % words * spike_word;
    int64_t y = 0, x = 0;
    for (int64_t i = 0; i < s.kernel_height; ++i) {
      if (!seen_by(pixel / s.in_width, i, s, s.out_height, y)) continue;
      for (int64_t j = 0; j < s.kernel_width; ++j) {
        if (!seen_by(pixel % s.in_width, j, s, s.out_width, x)) continue;
        const float* rows =
            s.weights + ((i * s.kernel_width + j) * s.in_channels + first) * padded;
        float* to = out + (y * s.out_width + x) * padded;
        for (uint64_t left = spikes[index]; left != 0; left &= left - 1) {
          add_row(rows + std::countr_zero(left) * padded, to, padded);
        }
      }
    }
  }
}

void fire(const FiringRule& rule, const float* currents, float* membranes, uint64_t* out,
          int64_t pixels, int64_t padded, int64_t words) {
  for (int64_t i = 0; i < pixels * words; ++i) out[i] = 0;
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t o = 0; o < padded; o += width) {
      const int64_t at = pixel * padded + o;
      const uint64_t bits =
          fire_vector(rule, load(currents + at), membranes ? membranes + at : nullptr);
      out[pixel * words + o / spike_word] |= bits << (o % spike_word);
    }
  }
}

inline void add_synapses(const DelayedSynapses& synapses, int64_t begin, int64_t end, float amount,
                         float* ring) {
#pragma GCC unroll 4
  for (int64_t k = begin; k < end; ++k) ring[synapses.offset[k]] += amount * synapses.weight[k];
}

void deliver(const DelayedSynapses& synapses, int64_t source, float amount, int64_t now,
             float* ring) {
  const int64_t begin = synapses.begin[source], end = synapses.begin[source + 1];
  // Delays that reach beyond the last row go on at the first one.
  const int32_t limit = static_cast<int32_t>((synapses.slots - now) * synapses.padded);
  int64_t low = begin, high = end;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (synapses.offset[middle] < limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  float* here = ring + now * synapses.padded;
  add_synapses(synapses, begin, low, amount, here);
  add_synapses(synapses, low, end, amount, here - synapses.slots * synapses.padded);
}

void recall(const RecalledSynapses& synapses, const uint32_t* history, float amount,
            float* currents) {
  const int64_t padded = synapses.padded;
  for (int64_t o = 0; o < padded; o += width) {
    Vector sum{};
    for (int64_t source = 0; source < synapses.sources; ++source) {
      if (history[source] == 0) continue;
      const int64_t at = source * padded + o;
      const Integers bits = *reinterpret_cast<const UnalignedIntegers*>(synapses.bit + at);
      const Integers heard = (bits & static_cast<int32_t>(history[source])) != 0;
      sum += heard ? load(synapses.weight + at) : Vector{};
    }
    store(load(currents + o) + amount * sum, currents + o);
  }
}

}  // namespace

const SpikingLoops& spiking_loops() {
  static constexpr SpikingLoops table = {level, currents, step,    scatter,
                                         analog, fire,    deliver, recall};
  return table;
}
