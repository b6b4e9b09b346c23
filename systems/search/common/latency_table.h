#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "systems/search/common/block_net.h"

namespace betimes::systems::search {

/// Milliseconds of single layers on one device, by key().
class LatencyTable {
 public:
  /// Throws Error for a time that isn't positive and finite, and for a key that is there already.
  void add(const std::string& key, double ms);
  bool has(const Layer& layer) const;
  /// zero costs nothing; a layer that isn't there throws Error naming its key: a hole never passes
  /// for a layer without cost.
  double ms(const Layer& layer) const;
  double sum(const std::vector<Layer>& layers) const;
  double sum(const BlockNet& net) const { return sum(layers(net)); }
  size_t size() const { return times_.size(); }

  /// Lines "key,ms" under a header, and back. Throws Error naming `where` and the line.
  std::string csv() const;
  static LatencyTable parse(std::string_view csv, const std::string& where);

 private:
  std::map<std::string, double> times_;
};

/// measured = offset + slope * predicted: what a sum of layers misses or counts twice (warm caches,
/// what runs once a network).
struct Affine {
  double offset = 0, slope = 1;
  double operator()(double predicted) const { return offset + slope * predicted; }
};
/// Least squares. Throws Error for fewer than two points and for predictions that are all alike.
Affine fit_affine(const std::vector<double>& predicted, const std::vector<double>& measured);
/// Mean of |predicted / measured - 1|.
double mean_relative_error(const std::vector<double>& predicted,
                           const std::vector<double>& measured);

}  // namespace betimes::systems::search
