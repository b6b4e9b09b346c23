#include "systems/recommend/sdim/train_model.h"

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::sdim {

const char* name(Attention attention) {
  switch (attention) {
    case Attention::none:
      return "DIN, last 50";
    case Attention::full:
      return "DIN-long";
    case Attention::mean:
      return "mean pooling";
    case Attention::soft_search:
      return "SIM-soft";
    case Attention::hamming:
      return "ETA";
    case Attention::sampled:
      return "SDIM";
  }
  return "";
}

std::vector<Attention> all_attentions() {
  return {Attention::none,        Attention::full,    Attention::mean,
          Attention::soft_search, Attention::hamming, Attention::sampled};
}

TargetAttentionImpl::TargetAttentionImpl(int64_t width, int64_t attention, int64_t heads)
    : heads_(heads) {
  const auto linear = [&] {
    return torch::nn::Linear(torch::nn::LinearOptions(width, attention).bias(false));
  };
  query_ = register_module("query", linear());
  key_ = register_module("key", linear());
  value_ = register_module("value", linear());
  out_ = register_module("out",
                         torch::nn::Linear(torch::nn::LinearOptions(attention, width).bias(false)));
}

torch::Tensor TargetAttentionImpl::forward(const torch::Tensor& q, const torch::Tensor& s) {
  const auto split = [&](const torch::Tensor& x) {  // [U, n, a] -> [U, heads, n, a / heads]
    return x.reshape({x.size(0), x.size(1), heads_, x.size(2) / heads_}).transpose(1, 2);
  };
  const torch::Tensor query = split(query_->forward(q));
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  const torch::Tensor scores =
      torch::matmul(query, split(key_->forward(s)).transpose(-1, -2)) * scale;
  const torch::Tensor found = torch::matmul(scores.softmax(-1), split(value_->forward(s)));
  return out_->forward(found.transpose(1, 2).reshape({q.size(0), q.size(1), -1}));
}

torch::Tensor TargetAttentionImpl::forward_each(const torch::Tensor& q, const torch::Tensor& s) {
  const int64_t users = q.size(0), candidates = q.size(1);
  const torch::Tensor found = forward(q.reshape({users * candidates, 1, q.size(2)}),
                                      s.reshape({users * candidates, s.size(2), s.size(3)}));
  return found.reshape({users, candidates, -1});
}

CtrModelImpl::CtrModelImpl(Attention attention, const ModelOptions& options)
    : attention_(attention), options_(options) {
  const torch::NoGradGuard no_gradient;
  const int64_t own = options.categories.empty() ? options.width : options.width / 2;
  items_ = register_module("items", torch::nn::Embedding(options.items, own));
  items_->weight.mul_(0.1);
  if (!options.categories.empty()) {
    if (static_cast<int64_t>(options.categories.size()) != options.items) {
      throw Error("categories", "are of " + std::to_string(options.categories.size()) + " items",
                  std::to_string(options.items));
    }
    category_ = register_buffer("category", torch::tensor(options.categories));
    categories_ = register_module(
        "categories",
        torch::nn::Embedding(category_.max().item<int64_t>() + 1, options.width - own));
    categories_->weight.mul_(0.1);
  }
  const auto target_attention = [&] {
    return TargetAttention(options.width, options.attention, options.heads);
  };
  short_attention_ = register_module("short_attention", target_attention());
  // The candidate, and each interest with its product with the candidate.
  int64_t width = options.width * (attention == Attention::none ? 3 : 5);
  if (attention == Attention::full || attention == Attention::soft_search ||
      attention == Attention::hamming) {
    long_attention_ = register_module("long_attention", target_attention());
  }
  for (const int64_t hidden : options.hidden) {
    head_->push_back(torch::nn::Linear(width, hidden));
    head_->push_back(torch::nn::ReLU());
    width = hidden;
  }
  head_->push_back(torch::nn::Linear(width, 1));
  register_module("head", head_);
  const SignHash hash(static_cast<int>(options.width), options.hash);
  planes_ = register_buffer("planes", torch::from_blob(const_cast<float*>(hash.planes().data()),
                                                       {options.hash.functions, options.width})
                                          .clone());
}

torch::Tensor CtrModelImpl::embed(const torch::Tensor& items) {
  const torch::Tensor own = items_->forward(items);
  if (!category_.defined()) return own;
  const torch::Tensor category =
      category_.index_select(0, items.flatten()).reshape(items.sizes().vec());
  return torch::cat({own, categories_->forward(category)}, -1);
}

void CtrModelImpl::merge_categories() {
  if (!category_.defined()) return;
  const torch::NoGradGuard no_gradient;
  items_->weight.set_data(embed(at::arange(options_.items)));
  category_ = torch::Tensor();
}

torch::Tensor CtrModelImpl::codes(const torch::Tensor& x) const {
  const torch::Tensor bits = torch::matmul(x.detach(), planes_.t()).gt(0).to(torch::kFloat);
  std::vector<float> powers;
  for (int b = 0; b < options_.hash.bits; ++b) powers.push_back(static_cast<float>(1 << b));
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = options_.hash.rounds();
  shape.push_back(options_.hash.bits);
  return torch::matmul(bits.reshape(shape), torch::tensor(powers));
}

torch::Tensor CtrModelImpl::sampled(const torch::Tensor& q, const torch::Tensor& s) {
  // [U, C, 1, G] against [U, 1, L, G]: which items share the candidate's bucket, round by round.
  const torch::Tensor shared =
      codes(q).unsqueeze(2).eq(codes(s).unsqueeze(1)).to(torch::kFloat).transpose(2, 3);
  const torch::Tensor sums = torch::matmul(shared, s.unsqueeze(1));  // [U, C, G, d]
  const torch::Tensor lengths = sums.norm(2, {-1}, true).clamp_min(1e-12);
  return (sums / lengths).mean(2);
}

torch::Tensor CtrModelImpl::long_interest(const torch::Tensor& q, const torch::Tensor& s) {
  switch (attention_) {
    case Attention::none:
      return {};
    case Attention::full:
      return long_attention_->forward(q, s);
    case Attention::mean:
      return s.mean(1, true).expand({-1, q.size(1), -1});
    case Attention::sampled:
      return sampled(q, s);
    case Attention::soft_search:
    case Attention::hamming:
      break;
  }
  const torch::Tensor nearness =
      attention_ == Attention::soft_search
          ? torch::matmul(q, s.transpose(1, 2))
          : torch::matmul(torch::matmul(q.detach(), planes_.t()).gt(0).to(torch::kFloat) * 2 - 1,
                          (torch::matmul(s.detach(), planes_.t()).gt(0).to(torch::kFloat) * 2 - 1)
                              .transpose(1, 2));
  const int64_t kept = std::min(options_.searched, s.size(1));
  const torch::Tensor best = std::get<1>(nearness.topk(kept, -1));  // [U, C, K]
  // By row of all histories: a gather of [U, C, L, d] would have a gradient of that size.
  const torch::Tensor first = at::arange(s.size(0)).mul(s.size(1)).reshape({-1, 1, 1});
  const torch::Tensor chosen = s.reshape({-1, s.size(2)})
                                   .index_select(0, (best + first).flatten())
                                   .reshape({s.size(0), q.size(1), kept, s.size(2)});
  return long_attention_->forward_each(q, chosen);
}

torch::Tensor CtrModelImpl::head(const torch::Tensor& q, const torch::Tensor& interest,
                                 const torch::Tensor& recent) {
  const torch::Tensor moment = short_attention_->forward(q, recent);
  std::vector<torch::Tensor> parts = {q, moment, moment * q};
  if (interest.defined()) {
    parts.push_back(interest);
    parts.push_back(interest * q);
  }
  return head_->forward(torch::cat(parts, -1)).squeeze(-1);
}

torch::Tensor CtrModelImpl::forward(const torch::Tensor& candidates,
                                    const torch::Tensor& histories) {
  const torch::Tensor q = embed(candidates);
  const torch::Tensor s = embed(histories);
  return head(q, long_interest(q, s), s.slice(1, -options_.recent));
}

torch::Tensor CtrModelImpl::score(const torch::Tensor& candidates,
                                  const torch::Tensor& long_interest, const torch::Tensor& recent) {
  return head(embed(candidates), long_interest, embed(recent));
}

}  // namespace betimes::systems::sdim
