#pragma once

#include <torch/nn.h>

#include <string>
#include <vector>

#include "systems/recommend/sdim/hashing.h"

namespace betimes::systems::sdim {

/// How a model looks at the long history.
enum class Attention {
  none,         // DIN on the recent items only
  full,         // DIN-long: target attention over all of it
  mean,         // mean pooling, which is sampling with 0 bits
  soft_search,  // SIM-soft: attention over the 50 with the largest inner product
  hamming,      // ETA: attention over the 50 whose bits differ least
  sampled,      // SDIM
};
const char* name(Attention attention);
std::vector<Attention> all_attentions();

struct ModelOptions {
  int64_t items = 2000;
  int64_t width = 32;     // of an item's embedding; half of it its category's, where there are some
  int64_t recent = 50;    // items of the short window
  int64_t searched = 50;  // items that a search keeps
  int64_t attention = 64;  // width of target attention, of both heads together
  int64_t heads = 2;
  std::vector<int64_t> hidden = {64, 32};
  HashOptions hash;
  std::vector<int64_t> categories;  // of each item, from 0; empty: items have none
};

/// Multi-head target attention: the candidate asks, the history answers.
class TargetAttentionImpl : public torch::nn::Module {
 public:
  TargetAttentionImpl(int64_t width, int64_t attention, int64_t heads);
  /// q [U, C, d], s [U, L, d] -> [U, C, d].
  torch::Tensor forward(const torch::Tensor& q, const torch::Tensor& s);
  /// The same where each candidate has a history of its own: s [U, C, K, d].
  torch::Tensor forward_each(const torch::Tensor& q, const torch::Tensor& s);

 private:
  int64_t heads_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};
TORCH_MODULE(TargetAttention);

/// Click predictor: embeddings of the candidate, what the long and the recent history say of it, an
/// MLP. Users come with their own histories of equal length.
class CtrModelImpl : public torch::nn::Module {
 public:
  CtrModelImpl(Attention attention, const ModelOptions& options);

  /// Logits [U, C] of candidates i64 [U, C] given histories i64 [U, L], oldest first.
  torch::Tensor forward(const torch::Tensor& candidates, const torch::Tensor& histories);
  /// The same with the long interest computed elsewhere: long_interest [U, C, d], recent i64 [U,
  /// R].
  torch::Tensor score(const torch::Tensor& candidates, const torch::Tensor& long_interest,
                      const torch::Tensor& recent);
  int64_t items() const { return options_.items; }
  /// Writes each item's category into its own row: what is served looks up one table. The model
  /// computes what it did, and isn't trained any more.
  void merge_categories();

 private:
  torch::Tensor embed(const torch::Tensor& items);
  torch::Tensor long_interest(const torch::Tensor& q, const torch::Tensor& s);
  torch::Tensor sampled(const torch::Tensor& q, const torch::Tensor& s);
  torch::Tensor codes(const torch::Tensor& x) const;
  torch::Tensor head(const torch::Tensor& q, const torch::Tensor& long_interest,
                     const torch::Tensor& recent);

  Attention attention_;
  ModelOptions options_;
  torch::Tensor planes_;    // [functions, d], fixed
  torch::Tensor category_;  // i64 [items]; undefined where items have none
  torch::nn::Embedding items_{nullptr}, categories_{nullptr};
  TargetAttention long_attention_{nullptr}, short_attention_{nullptr};
  torch::nn::Sequential head_;
};
TORCH_MODULE(CtrModel);

}  // namespace betimes::systems::sdim
