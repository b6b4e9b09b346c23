#include "systems/hardware/preroutgnn/train_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <atomic>
#include <memory>

namespace betimes::systems::preroutgnn {
namespace {

struct Count {
  std::atomic<size_t> now{0}, most{0};
  void add(size_t bytes) {
    const size_t total = now += bytes;
    size_t before = most;
    while (total > before && !most.compare_exchange_weak(before, total)) {
    }
  }
};

/// One allocation; frees what it wraps with itself.
struct Held {
  c10::DataPtr data;
  size_t bytes = 0;
  std::shared_ptr<Count> count;
};

void release(void* context) {
  const std::unique_ptr<Held> held(static_cast<Held*>(context));
  held->count->now -= held->bytes;
}

/// Hands on to another allocator. Tensors may outlive it: the count goes with each of them.
class Counting : public c10::Allocator {
 public:
  explicit Counting(c10::Allocator& below) : below_(below), count_(std::make_shared<Count>()) {}

  c10::DataPtr allocate(size_t bytes) const override {
    auto held = std::make_unique<Held>(Held{below_.allocate(bytes), bytes, count_});
    count_->add(bytes);
    void* const data = held->data.get();
    const c10::Device device = held->data.device();
    return {data, held.release(), &release, device};
  }
  size_t most() const { return count_->most; }

 private:
  c10::Allocator& below_;
  std::shared_ptr<Count> count_;
};

/// Puts an allocator in the other's place as long as it lives.
class Instead {
 public:
  Instead(c10::Allocator& before, c10::Allocator& now) : before_(before) {
    c10::SetCPUAllocator(&now, highest_priority);
  }
  ~Instead() { c10::SetCPUAllocator(&before_, highest_priority); }
  Instead(const Instead&) = delete;
  Instead& operator=(const Instead&) = delete;

 private:
  static constexpr uint8_t highest_priority = 255;
  c10::Allocator& before_;
};

}  // namespace

size_t peak_tensor_bytes(const std::function<void()>& work) {
  c10::Allocator& before = *c10::GetCPUAllocator();
  Counting counting(before);
  const Instead instead(before, counting);
  work();
  return counting.most();
}

}  // namespace betimes::systems::preroutgnn
