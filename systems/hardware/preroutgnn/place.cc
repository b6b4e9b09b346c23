#include "systems/hardware/preroutgnn/place.h"

#include <fmt/format.h>

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/Sparse>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/rows.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t rounds = 8;         // of spreading
constexpr size_t clique_pins = 4;    // nets above get a middle of their own
constexpr double first_pull = 0.02;  // towards spread places, relative to nets; doubles per round

using Sparse = Eigen::SparseMatrix<double>;

/// What a net joins: instances, and ports by -1 - index.
std::vector<std::vector<int32_t>> members(const Netlist& netlist, const Library& library) {
  std::vector<std::vector<int32_t>> found(netlist.nets.size());
  std::vector<bool> clock(netlist.nets.size(), false);
  for (size_t i = 0; i < netlist.instances.size(); ++i) {
    const Netlist::Instance& one = netlist.instances[i];
    const LibraryCell& cell = library.cells[static_cast<size_t>(one.cell)];
    for (size_t p = 0; p < one.nets.size(); ++p) {
      if (one.nets[p] < 0) continue;
      const auto net = static_cast<size_t>(one.nets[p]);
      if (cell.pins[p].clock) clock[net] = true;
      if (found[net].empty() || found[net].back() != static_cast<int32_t>(i)) {
        found[net].push_back(static_cast<int32_t>(i));
      }
    }
  }
  for (size_t i = 0; i < netlist.ports.size(); ++i) {
    const int32_t net = netlist.ports[i].net;
    if (net >= 0) found[static_cast<size_t>(net)].push_back(-1 - static_cast<int32_t>(i));
  }
  for (size_t net = 0; net < found.size(); ++net) {
    if (clock[net]) found[net].clear();  // a tree of its own carries it
  }
  return found;
}

/// The springs of all nets, for one axis at a time.
class Springs {
 public:
  Springs(const Netlist& netlist, const Library& library)
      : members_(members(netlist, library)), cells_(netlist.instances.size()), size_(cells_) {
    for (const std::vector<int32_t>& net : members_) {
      if (net.size() > clique_pins) middle_.push_back(static_cast<int32_t>(size_++));
    }
  }
  size_t size() const { return size_; }

  /// Least energy, cells pulled to `targets` by `pull` each, from where they are in `at`.
  void solve(const std::vector<double>& ports, const std::vector<double>& targets, double pull,
             Eigen::VectorXd& at) const {
    std::vector<Eigen::Triplet<double>> entries;
    Eigen::VectorXd right = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(size_));
    const auto spring = [&](int32_t a, int32_t b, double weight) {
      if (a < 0 && b < 0) return;
      if (a < 0) std::swap(a, b);
      entries.emplace_back(a, a, weight);
      if (b < 0) {
        right[a] += weight * ports[static_cast<size_t>(-1 - b)];
        return;
      }
      entries.emplace_back(b, b, weight);
      entries.emplace_back(a, b, -weight);
      entries.emplace_back(b, a, -weight);
    };
    size_t next_middle = 0;
    for (const std::vector<int32_t>& net : members_) {
      const auto pins = static_cast<double>(net.size());
      if (net.size() > clique_pins) {
        const int32_t middle = middle_[next_middle++];
        for (const int32_t pin : net) spring(pin, middle, pins / (pins - 1));
      } else {
        for (size_t i = 0; i < net.size(); ++i) {
          for (size_t j = i + 1; j < net.size(); ++j) spring(net[i], net[j], 1 / (pins - 1));
        }
      }
    }
    // The least pull keeps cells in place that no port holds.
    for (size_t i = 0; i < cells_; ++i) {
      const auto cell = static_cast<int>(i);
      entries.emplace_back(cell, cell, pull);
      right[cell] += pull * targets[i];
    }
    Sparse matrix(static_cast<Eigen::Index>(size_), static_cast<Eigen::Index>(size_));
    matrix.setFromTriplets(entries.begin(), entries.end());
    Eigen::ConjugateGradient<Sparse, Eigen::Lower | Eigen::Upper> solver;
    solver.setTolerance(1e-6);
    solver.setMaxIterations(2000);
    solver.compute(matrix);
    at = solver.solveWithGuess(right, at);
    if (!at.allFinite()) throw Error("placement", "has no solution");
  }

 private:
  std::vector<std::vector<int32_t>> members_;
  size_t cells_, size_;
  std::vector<int32_t> middle_;  // variables of the nets above clique_pins
};

/// Ports in turn along the border, from the lower left corner around.
void set_ports(const Netlist& netlist, Placement& placement) {
  const double width = placement.width, height = placement.height;
  const size_t count = netlist.ports.size();
  for (size_t i = 0; i < count; ++i) {
    double along =
        2 * (width + height) * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    Point at;
    if (along < width) {
      at = {along, 0};
    } else if ((along -= width) < height) {
      at = {width, along};
    } else if ((along -= height) < width) {
      at = {width - along, height};
    } else {
      at = {0, height - (along - width)};
    }
    placement.ports.push_back(at);
  }
}

std::vector<double> column(const std::vector<Point>& points, double Point::*axis) {
  std::vector<double> found;
  for (const Point& point : points) found.push_back(point.*axis);
  return found;
}

}  // namespace

Placement place(const Netlist& netlist, const Library& library, const PlaceOptions& options) {
  if (netlist.instances.empty()) throw Error(netlist.name, "has no cells to place");
  if (!(options.utilisation > 0 && options.utilisation <= 1)) {
    throw Error("utilisation", fmt::format("is {:g}", options.utilisation), "above 0, 1 at most");
  }
  std::vector<double> widths;
  double sum = 0;
  for (const Netlist::Instance& one : netlist.instances) {
    const LibraryCell& cell = library.cells[static_cast<size_t>(one.cell)];
    const double width = cell.width > 0 ? cell.width : cell.area / library.row_height;
    if (!(width > 0)) throw Error(cell.name, "has neither area nor width in the library");
    widths.push_back(width);
    sum += width;
  }
  Placement placement;
  const double side = std::sqrt(sum * library.row_height / options.utilisation);
  const double row_count = std::max(1.0, std::round(side / library.row_height));
  placement.height = row_count * library.row_height;
  placement.width = std::max(sum / options.utilisation / row_count,
                             *std::max_element(widths.begin(), widths.end()));
  set_ports(netlist, placement);

  const Springs springs(netlist, library);
  const Point middle{placement.width / 2, placement.height / 2};
  std::vector<Point> targets(netlist.instances.size(), middle);
  Eigen::VectorXd x = Eigen::VectorXd::Constant(static_cast<Eigen::Index>(springs.size()),
                                                middle.x),
                  y = Eigen::VectorXd::Constant(static_cast<Eigen::Index>(springs.size()),
                                                middle.y);
  const std::vector<double> port_x = column(placement.ports, &Point::x),
                            port_y = column(placement.ports, &Point::y);
  double pull = 1e-5;
  placement.instances.resize(netlist.instances.size());
  for (size_t round = 0; round <= rounds; ++round) {
    springs.solve(port_x, column(targets, &Point::x), pull, x);
    springs.solve(port_y, column(targets, &Point::y), pull, y);
    for (size_t i = 0; i < placement.instances.size(); ++i) {
      placement.instances[i] = {x[static_cast<Eigen::Index>(i)], y[static_cast<Eigen::Index>(i)]};
    }
    targets = spread(placement.instances, widths, placement.width, placement.height);
    pull = first_pull * std::pow(2.0, static_cast<double>(round));
  }
  placement.instances =
      set_in_rows(targets, widths, placement.width, placement.height, library.row_height);
  return placement;
}

double half_perimeters(const Netlist& netlist, const Placement& placement) {
  constexpr double far = std::numeric_limits<double>::infinity();
  struct Box {
    double left = far, right = -far, bottom = far, top = -far;
  };
  std::vector<Box> boxes(netlist.nets.size());
  const auto include = [&](int32_t net, const Point& at) {
    if (net < 0) return;
    Box& box = boxes[static_cast<size_t>(net)];
    box = {std::min(box.left, at.x), std::max(box.right, at.x), std::min(box.bottom, at.y),
           std::max(box.top, at.y)};
  };
  for (size_t i = 0; i < netlist.instances.size(); ++i) {
    for (const int32_t net : netlist.instances[i].nets) include(net, placement.instances[i]);
  }
  for (size_t i = 0; i < netlist.ports.size(); ++i) {
    include(netlist.ports[i].net, placement.ports[i]);
  }
  double sum = 0;
  for (const Box& box : boxes) {
    if (box.right >= box.left) sum += box.right - box.left + box.top - box.bottom;
  }
  return sum;
}

}  // namespace betimes::systems::preroutgnn
