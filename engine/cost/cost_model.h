#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/cost/boosted_trees.h"
#include "betimes/cost/device.h"
#include "betimes/cost/kernel_time.h"

namespace betimes::cost {

/// The roofline and what any step takes: what the logarithms that are learned are relative to.
double baseline_ms(const KernelWork& work, const measure::Machine& machine);

/// Says what a kernel takes on a device.
class CostModel {
 public:
  virtual ~CostModel() = default;
  virtual std::string_view name() const = 0;
  /// Milliseconds at the median; nullopt where the model doesn't know such a kernel there.
  virtual std::optional<double> predict(const Kernel& kernel, const Device& device) const = 0;
};

/// The device's roofline: a lower bound, which adapting to the references makes an estimate.
std::unique_ptr<CostModel> roofline_model();

/// The device's own table of measured kernels. A kernel's operator, implementation, precision and
/// all that changes what is done per element must be equal; extents may differ by a factor of 1.5:
/// then the time per unit of work is interpolated from up to four neighbours.
std::unique_ptr<CostModel> operator_table();

/// Boosted trees over features(): the logarithm of the time over the roofline's. Throws Error when
/// the trees don't read as many features.
std::unique_ptr<CostModel> learned_kernels(BoostedTrees trees);

/// A measured kernel and how unlike another it is: the largest factor, as a base-2 logarithm, by
/// which an extent differs.
struct Neighbour {
  const KernelTime* kernel = nullptr;
  double distance = 0;
};
/// Of the same operator, precision and work per element, whatever the implementation; nearest
/// first, `most` at most.
std::vector<Neighbour> nearest_kernels(const Kernel& kernel, const std::vector<KernelTime>& table,
                                       size_t most);

}  // namespace betimes::cost
