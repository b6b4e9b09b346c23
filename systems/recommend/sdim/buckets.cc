#include "systems/recommend/sdim/buckets.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "betimes/base/error.h"
#include "betimes/tensor/dtype.h"

namespace betimes::systems::sdim {
namespace {

size_t table_size(const HashOptions& options, int width) {
  return static_cast<size_t>(options.rounds()) * static_cast<size_t>(options.buckets()) *
         static_cast<size_t>(width);
}

/// Scales a row to length 1.
void normalise_row(std::span<float> row) {
  double squares = 0;
  for (const float value : row) squares += double{value} * double{value};
  if (squares <= 0) return;
  const double factor = 1 / std::sqrt(squares);
  for (float& value : row) value = static_cast<float>(value * factor);
}

void round_row(std::span<float> row, TablePrecision precision) {
  if (precision == TablePrecision::fp16) {
    for (float& value : row) value = to_float(to_float16(value));
  } else if (precision == TablePrecision::int8) {
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    if (largest == 0) return;
    const float scale = largest / 127;
    for (float& value : row) value = std::round(value / scale) * scale;
  }
}

}  // namespace

BucketTable::BucketTable(const HashOptions& options, int width, uint64_t embedding_version,
                         std::span<const float> sums, bool normalise, TablePrecision precision)
    : options_(options),
      width_(width),
      embedding_version_(embedding_version),
      precision_(precision),
      rows_(sums.begin(), sums.end()) {
  const auto row = static_cast<size_t>(width);
  if (sums.size() != table_size(options, width)) {
    throw Error("bucket table", "has " + std::to_string(sums.size()) + " sums",
                std::to_string(table_size(options, width)));
  }
  for (size_t at = 0; at < rows_.size(); at += row) {
    const std::span<float> values = std::span(rows_).subspan(at, row);
    if (normalise) normalise_row(values);
    round_row(values, precision);
  }
}

size_t BucketTable::bytes() const {
  switch (precision_) {
    case TablePrecision::fp32:
      return rows_.size() * sizeof(float);
    case TablePrecision::fp16:
      return rows_.size() * sizeof(uint16_t);
    case TablePrecision::int8:
      break;
  }
  return rows_.size() + rows_.size() / static_cast<size_t>(width_) * sizeof(float);
}

void BucketTable::interests(std::span<const uint16_t> signatures,
                            std::span<float> interests) const {
  const auto rounds = static_cast<size_t>(options_.rounds());
  const auto buckets = static_cast<size_t>(options_.buckets());
  const auto width = static_cast<size_t>(width_);
  if (signatures.size() % rounds != 0 || interests.size() != signatures.size() / rounds * width) {
    throw Error("interests", "don't fit the signatures",
                std::to_string(width) + " numbers for each " + std::to_string(rounds));
  }
  const float factor = 1.0f / static_cast<float>(rounds);
  float* interest = interests.data();
  for (size_t at = 0; at < signatures.size(); at += rounds, interest += width) {
    std::fill_n(interest, width, 0.0f);
    for (size_t g = 0; g < rounds; ++g) {
      const size_t bucket = signatures[at + g];
      if (bucket >= buckets) {
        throw Error("signature " + std::to_string(at + g), "names bucket " + std::to_string(bucket),
                    "less than " + std::to_string(buckets));
      }
      const float* row = rows_.data() + (g * buckets + bucket) * width;
      for (size_t i = 0; i < width; ++i) interest[i] += row[i];
    }
    for (size_t i = 0; i < width; ++i) interest[i] *= factor;
  }
}

BehaviourEncoder::BehaviourEncoder(std::shared_ptr<const SignHash> hash, uint64_t embedding_version,
                                   TablePrecision precision, bool normalise)
    : hash_(std::move(hash)),
      embedding_version_(embedding_version),
      precision_(precision),
      normalise_(normalise),
      sums_(table_size(hash_->options(), hash_->width()), 0.0f) {}

void BehaviourEncoder::add(std::span<const float> items, float sign) {
  for (const float value : items) {
    if (!std::isfinite(value)) throw Error("history", "has an embedding that isn't finite");
  }
  const std::vector<uint16_t> signatures = hash_->signatures(items);
  const auto rounds = static_cast<size_t>(hash_->options().rounds());
  const auto buckets = static_cast<size_t>(hash_->options().buckets());
  const auto width = static_cast<size_t>(hash_->width());
  for (size_t j = 0; j * width < items.size(); ++j) {
    const float* item = items.data() + j * width;
    for (size_t g = 0; g < rounds; ++g) {
      float* sum = sums_.data() + (g * buckets + signatures[j * rounds + g]) * width;
      for (size_t i = 0; i < width; ++i) sum[i] += sign * item[i];
    }
  }
}

void BehaviourEncoder::rebuild(std::span<const float> items) {
  std::fill(sums_.begin(), sums_.end(), 0.0f);
  items_ = 0;
  changes_ = 0;
  add(items, 1);
  items_ = static_cast<int64_t>(items.size()) / hash_->width();
}

void BehaviourEncoder::append(std::span<const float> item) {
  add(item, 1);
  ++items_;
  ++changes_;
}

void BehaviourEncoder::evict(std::span<const float> item) {
  if (items_ == 0) throw Error("history", "is empty: there is nothing to evict");
  add(item, -1);
  --items_;
  ++changes_;
}

std::shared_ptr<const BucketTable> BehaviourEncoder::publish() const {
  return std::make_shared<BucketTable>(hash_->options(), hash_->width(), embedding_version_, sums_,
                                       normalise_, precision_);
}

}  // namespace betimes::systems::sdim
