#include "betimes/learn/loader.h"

#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"

namespace betimes::learn {

TensorDataset::TensorDataset(std::vector<at::Tensor> inputs, at::Tensor targets)
    : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  if (targets_.dim() == 0 || targets_.size(0) == 0) throw Error("dataset", "has no examples");
  for (const at::Tensor& input : inputs_) {
    if (input.dim() == 0 || input.size(0) != targets_.size(0)) {
      throw Error("dataset", "has inputs and targets of different length");
    }
  }
}

Batch TensorDataset::get(const at::Tensor& chosen, std::mt19937_64&) const {
  Batch batch;
  for (const at::Tensor& input : inputs_) batch.inputs.push_back(input.index_select(0, chosen));
  batch.targets = targets_.index_select(0, chosen);
  return batch;
}

Loader::Loader(const Dataset& data, const LoaderOptions& options) : data_(data), options_(options) {
  if (options.batch < 1 || (options.drop_last && options.batch > data.size())) {
    throw Error("batch", "is " + std::to_string(options.batch),
                "1 to " + std::to_string(data.size()) + ", the number of examples");
  }
}

int64_t Loader::steps() const {
  const int64_t all = options_.drop_last ? 0 : options_.batch - 1;
  return (data_.size() + all) / options_.batch;
}

void Loader::epoch(int number, const std::function<void(const Batch&)>& step) const {
  std::seed_seq sequence{options_.seed, static_cast<uint64_t>(number)};
  std::mt19937_64 random(sequence);
  std::vector<int64_t> order(static_cast<size_t>(data_.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (options_.shuffle) std::shuffle(order.begin(), order.end(), random);
  const at::Tensor all = at::from_blob(order.data(), {data_.size()}, at::kLong);
  for (int64_t i = 0; i < steps(); ++i) {
    const int64_t begin = i * options_.batch;
    const int64_t end = std::min(begin + options_.batch, data_.size());
    step(data_.get(all.slice(0, begin, end), random));
  }
}

}  // namespace betimes::learn
