#include "betimes/runtime/kernels/vector/attention.h"

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/detail/parallel.h"

// Attention in one step: scores stay in the cache, and every operand is read where it lies.

namespace betimes::runtime {
namespace {

/// Queries that a thread takes at a time: many, so that packed keys serve long, yet enough units
/// for all threads.
int64_t query_block(const graph::AttentionShape& s, int threads) {
  constexpr int64_t most = 252;
  int64_t block = std::min(most, s.queries);
  while (block > 24 && s.heads * ((s.queries + block - 1) / block) < threads) block /= 2;
  return block;
}

Offer attention(const Candidate& candidate) {
  graph::AttentionShape s = graph::attention_shape(candidate.context);
  if (element_count(s.output_shape) == 0) return Refusal{"the output is empty"};
  const int64_t products = s.heads * s.queries * s.keys;
  const int threads = product_threads(candidate.threads, products * (s.depth + s.value_depth));
  const AttentionLoops& vector = attention_loops();
  const AttentionWork work{s, query_block(s, threads)};
  const size_t scratch = (vector.scratch_floats(work) + 15) / 16 * 16;
  const bool masked = candidate.context.present(3);
  Choice choice;
  for (size_t i = 0; i < (masked ? 4 : 3); ++i) choice.reads.push_back({i, Layout::plain});
  choice.macs = static_cast<double>(products) * static_cast<double>(s.depth + s.value_depth);
  choice.kernel = simple_kernel(
      std::string("vector ") + vector.level,
      [=, &vector](const Buffers& b) {
        const auto in = [&](size_t i) { return static_cast<const float*>(b.inputs[i]); };
        const AttentionData data{in(0), in(1), in(2), masked ? in(3) : nullptr,
                                 static_cast<float*>(b.outputs[0])};
        return [=, &vector, space = static_cast<float*>(b.scratch)] {
          const int64_t units = work.units();
          parallel(threads, threads, [&](int64_t thread, int64_t end) {
            for (; thread < end; ++thread) {
              vector.run(work, data, units * thread / threads, units * (thread + 1) / threads,
                         space + static_cast<size_t>(thread) * scratch);
            }
          });
        };
      },
      scratch * static_cast<size_t>(threads) * sizeof(float));
  return choice;
}

}  // namespace

void register_attention(KernelRegistry& registry) {
  registry.add("betimes.Attention", 10, attention);
}

}  // namespace betimes::runtime
