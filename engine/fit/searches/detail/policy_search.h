#pragma once

#include <vector>

#include "betimes/fit/searches/detail/factories.h"
#include "betimes/fit/searches/detail/policy.h"

namespace betimes::fit::detail {

/// What a policy did and how much better than expected it was.
struct Experience {
  Policy::Action action;
  double advantage = 0;
};

/// Draws settings from a policy that the ledger's rounds have taught, one update a round. The
/// policy is learnt anew from the first entry at each propose(): cheap beside any evaluation, and
/// nothing but the ledger is to be kept. Settings that were tried are not drawn again; where the
/// policy has hardly anything else left, it explores more and more.
class PolicySearch : public Search {
 public:
  PolicySearch(Ingredients made_of, int batch) : with_(std::move(made_of)), batch_(batch) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override;
  int batch() const override { return batch_; }
  /// The policy as the ledger's rounds have made it.
  Policy learn(const Ledger& ledger) const;

 protected:
  /// One update from the experiences of a round, all of them drawn before it.
  virtual void update(Policy& policy, const std::vector<Experience>& round) const = 0;

 private:
  Ingredients with_;
  int batch_;
};

}  // namespace betimes::fit::detail
