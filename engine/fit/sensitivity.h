#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "betimes/fit/variant.h"

namespace betimes::fit {

/// Quality lost when one node goes to a lower precision, as an additive model of a variant sees it.
using Losses = std::map<std::pair<std::string, Precision>, double>;

/// How much a model loses when some of its nodes are lowered. Losses are on one scale, whatever it
/// is: 0 for the original, larger is worse.
class LossOracle {
 public:
  virtual ~LossOracle() = default;
  virtual const std::vector<std::string>& nodes() const = 0;
  virtual const std::vector<Precision>& precisions() const = 0;
  /// Pairs of nodes, by their numbers, whose outputs are added to one another.
  virtual std::vector<std::pair<size_t, size_t>> added() const = 0;
  /// Loss with these nodes at these precisions and all others as they were; one evaluation.
  virtual double loss(const std::map<std::string, Precision>& lowered) = 0;
  /// How many more evaluations there is time for, about.
  virtual int64_t affordable() const = 0;
};

/// Finds out what each node costs in quality at each precision.
class SensitivityMethod {
 public:
  virtual ~SensitivityMethod() = default;
  virtual std::string name() const = 0;
  /// One line for people.
  virtual std::string summary() const = 0;
  /// How many evaluations of the loss it would like; with more of them each has fewer examples.
  virtual int64_t evaluations(size_t nodes, size_t precisions) const = 0;
  /// A loss for every node and precision. `progress` gets the fraction done; may be empty.
  virtual Losses losses(LossOracle& oracle, const std::function<void(double)>& progress) const = 0;
};

/// Each node lowered alone: what it loses by itself is what it is taken to lose in any company.
class IndependentSensitivity : public SensitivityMethod {
 public:
  std::string name() const override { return "independent"; }
  std::string summary() const override { return "each layer lowered alone"; }
  int64_t evaluations(size_t nodes, size_t precisions) const override {
    return static_cast<int64_t>(nodes * precisions);
  }
  Losses losses(LossOracle& oracle, const std::function<void(double)>& progress) const override;
};

}  // namespace betimes::fit
