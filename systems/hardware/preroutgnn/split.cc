#include "systems/hardware/preroutgnn/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <sstream>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::preroutgnn {

Parts hold_out(std::span<const Circuit> designs, uint64_t seed) {
  if (designs.size() < 2) {
    throw Error("training designs", fmt::format("there are {}", designs.size()),
                "two at least: one to choose an epoch by");
  }
  std::vector<size_t> order(designs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Random(seed).shuffle(std::span(order));
  const size_t held = std::max<size_t>(1, designs.size() / 6);
  std::vector<size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(held));
  Parts parts;
  for (size_t i = 0; i < designs.size(); ++i) {
    auto& part = std::ranges::count(chosen, i) > 0 ? parts.validation : parts.training;
    part.push_back(designs[i]);
  }
  return parts;
}

std::string join_names(std::span<const Circuit> designs) {
  std::string text;
  for (const Circuit& each : designs) text += each.name + "\n";
  return text;
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

}  // namespace betimes::systems::preroutgnn
