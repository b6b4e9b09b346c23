#include "betimes/runtime/weight_store.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace betimes::runtime {
namespace {

/// Address space of a chunk; only what is written takes memory.
constexpr size_t chunk_bytes = size_t{32} << 20;
constexpr size_t alignment = 64;

}  // namespace

Weights WeightStore::share(Tensor tensor) {
  const size_t bytes = tensor.bytes();
  if (bytes == 0) return {keep(std::move(tensor)), 0, true};
  const std::string_view content(reinterpret_cast<const char*>(tensor.raw()), bytes);
  const size_t hash = std::hash<std::string_view>{}(content);
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(hash);
  for (auto entry = first; entry != last; ++entry) {
    auto held = entry->second.bytes == bytes ? entry->second.data.lock() : nullptr;
    if (held && std::memcmp(held.get(), content.data(), bytes) == 0) {
      return {std::move(held), bytes, true};
    }
  }
  drop_expired();
  Weights weights{keep(std::move(tensor)), bytes, false};
  entries_.emplace(hash, Entry{weights.data, bytes});
  return weights;
}

std::shared_ptr<const std::byte> WeightStore::keep(Tensor tensor) {
  const size_t bytes = tensor.bytes();
  if (!huge_pages_ || bytes == 0) {
    const auto owner = std::make_shared<const Tensor>(std::move(tensor));
    return {owner, owner->raw()};
  }
  std::shared_ptr<Chunk> chunk = chunk_.lock();
  if (!chunk || chunk->memory.size() - chunk->used < bytes) {
    const size_t size = std::max(chunk_bytes, bytes + alignment);
    chunk = std::make_shared<Chunk>(Chunk{Memory(size, true), 0});
    chunk_ = chunk;
  }
  std::byte* place = chunk->memory.data() + chunk->used;
  std::memcpy(place, tensor.raw(), bytes);
  const size_t next = chunk->used + (bytes + alignment - 1) / alignment * alignment;
  chunk->used = std::min(next, chunk->memory.size());
  return {std::move(chunk), place};
}

void WeightStore::drop_expired() {
  if (entries_.size() < crowded_) return;
  std::erase_if(entries_, [](const auto& entry) { return entry.second.data.expired(); });
  crowded_ = std::max<size_t>(64, 2 * entries_.size());
}

size_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& [hash, entry] : entries_) sum += entry.data.expired() ? 0 : entry.bytes;
  return sum;
}

}  // namespace betimes::runtime
