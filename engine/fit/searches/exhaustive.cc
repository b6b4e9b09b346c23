#include "betimes/base/error.h"
#include "betimes/fit/searches/detail/factories.h"

namespace betimes::fit::detail {
namespace {

class ExhaustiveSearch : public Search {
 public:
  explicit ExhaustiveSearch(Ingredients made_of)
      : space_(std::move(made_of.space)), size_(space_.size().value()) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    // Everything before done_ is known not to be worth a look, as long as the ledger only grows.
    if (ledger.size() < seen_) done_ = 0;
    seen_ = ledger.size();
    std::vector<Setting> result;
    for (uint64_t i = done_; i < size_ && static_cast<int>(result.size()) < count; ++i) {
      Setting setting = space_.at(i);
      const bool left = !ledger.find(setting) && space_.allows(setting);
      if (left) {
        result.push_back(std::move(setting));
      } else if (result.empty()) {
        done_ = i + 1;
      }
    }
    return result;
  }
  int batch() const override { return 16; }

 private:
  KnobSpace space_;
  uint64_t size_;
  uint64_t done_ = 0;
  size_t seen_ = 0;
};

}  // namespace

std::unique_ptr<Search> make_exhaustive(Ingredients ingredients, Parameters&) {
  for (const Knob& knob : ingredients.space.knobs()) {
    if (!count(knob.domain)) {
      throw Error("search 'exhaustive'", "knob '" + knob.name + "' has uncountably many values",
                  "knobs with categories or integers");
    }
  }
  if (!ingredients.space.size()) {
    throw Error("search 'exhaustive'", "the space has more settings than can be counted", "2^62");
  }
  return std::make_unique<ExhaustiveSearch>(std::move(ingredients));
}

}  // namespace betimes::fit::detail
