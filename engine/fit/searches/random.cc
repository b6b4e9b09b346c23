#include "betimes/fit/searches/detail/factories.h"
#include "betimes/fit/searches/detail/fresh.h"

namespace betimes::fit::detail {
namespace {

class RandomSearch : public Search {
 public:
  explicit RandomSearch(Ingredients made_of) : with_(std::move(made_of)) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    Random random = random_for(with_.seed, ledger);
    Fresh fresh(with_.space, ledger);
    while (fresh.size() < count &&
           fresh.draw([&](int) { return with_.space.sample(random); }, random)) {
    }
    return std::move(fresh).settings();
  }
  int batch() const override { return 16; }

 private:
  Ingredients with_;
};

}  // namespace

std::unique_ptr<Search> make_random(Ingredients ingredients, Parameters&) {
  return std::make_unique<RandomSearch>(std::move(ingredients));
}

}  // namespace betimes::fit::detail
