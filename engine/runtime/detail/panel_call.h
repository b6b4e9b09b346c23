#pragma once

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/detail/parallel.h"

namespace betimes::runtime {

/// A session's product with weights packed in panels, which its threads share out: `Loops` has
/// product(product, panel, end).
template <class Product, class Loops>
class PanelCall final : public Call {
 public:
  PanelCall(const Product& product, int64_t panels, const Loops& loops, int threads)
      : product_(product), panels_(panels), loops_(loops), threads_(threads) {}
  void run() override {
    parallel(threads_, panels_,
             [&](int64_t panel, int64_t end) { loops_.product(product_, panel, end); });
  }

 private:
  Product product_;
  int64_t panels_;
  const Loops& loops_;
  int threads_;
};

}  // namespace betimes::runtime
