#include "systems/search/proxylessnas/choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "betimes/base/error.h"

namespace betimes::systems::proxylessnas {
namespace {

using search::Block;
using search::Operator;

constexpr std::array<int, Space::stages> widths = {16, 24, 40}, strides = {1, 2, 2};

struct PhoneStage {
  int side, in, out;  // of the stage's first layer
};
/// Stages 2, 3 and 4 of the ImageNet network.
constexpr std::array<PhoneStage, Space::stages> phone_stages = {
    {{112, 16, 24}, {56, 24, 40}, {28, 40, 80}}};

std::string phone_key(const Block& block, const PhoneStage& stage, bool changes) {
  const int after = stage.side / 2;
  const int in = changes ? stage.in : stage.out, side = changes ? stage.side : after;
  return fmt::format(
      "expanded_conv-input:{0}x{0}x{1}-output:{2}x{2}x{3}-expand:{4}-kernel:{5}-"
      "stride:{6}-idskip:{7}",
      side, in, after, stage.out, block.expansion, block.kernel, changes ? 2 : 1, changes ? 0 : 1);
}

}  // namespace

Space::Space() {
  frame_.relu6 = true;
  int width = frame_.stem;
  for (size_t s = 0; s < stages; ++s) {
    for (size_t l = 0; l < layers_a_stage; ++l) {
      const int stride = l == 0 ? strides[s] : 1;
      std::vector<Block> blocks;
      for (const int kernel : {3, 5, 7}) {
        for (const int expansion : {3, 6}) {
          blocks.push_back({Operator::mbconv, kernel, expansion, 0, search::Skip::identity,
                            widths[s], 1, stride});
        }
      }
      if (stride == 1 && width == widths[s]) {
        blocks.push_back({Operator::zero, 1, 1, 0, search::Skip::none, widths[s], 1, 1});
      }
      candidates_.push_back(std::move(blocks));
      width = widths[s];
    }
  }
}

search::BlockNet Space::net(const Choice& choice, double width) const {
  if (choice.size() != layers()) {
    throw Error("choice", fmt::format("is of {} layers", choice.size()),
                fmt::format("{}", layers()));
  }
  search::BlockNet net = frame_;
  for (size_t l = 0; l < layers(); ++l) {
    if (choice[l] >= candidates_[l].size()) {
      throw Error(fmt::format("layer {}", l), fmt::format("has no candidate {}", choice[l]));
    }
    net.blocks.push_back(candidates_[l][choice[l]]);
  }
  return width == 1 ? net : search::scaled(net, width);
}

std::vector<search::Layer> Space::all_layers() const {
  std::vector<search::Layer> found;
  size_t most = 0;
  for (const auto& blocks : candidates_) most = std::max(most, blocks.size());
  for (size_t c = 0; c < most; ++c) {
    Choice choice;
    for (const auto& blocks : candidates_) choice.push_back(std::min(c, blocks.size() - 1));
    for (const search::Layer& layer : search::layers(net(choice))) {
      if (std::find(found.begin(), found.end(), layer) == found.end()) found.push_back(layer);
    }
  }
  return found;
}

Choice Space::uniform(int kernel, int expansion) const {
  Choice choice;
  for (const auto& blocks : candidates_) {
    const auto at = std::find_if(blocks.begin(), blocks.end(), [&](const Block& block) {
      return block.kernel == kernel && block.expansion == expansion;
    });
    if (at == blocks.end())
      throw Error("candidate", fmt::format("k{} e{} is none", kernel, expansion));
    choice.push_back(static_cast<size_t>(at - blocks.begin()));
  }
  return choice;
}

Choice Space::random(Random& random) const {
  Choice choice;
  for (const auto& blocks : candidates_) choice.push_back(random.below(blocks.size()));
  return choice;
}

double Costs::total(const Choice& choice) const {
  double sum = fixed;
  for (size_t l = 0; l < of.size(); ++l) sum += of[l].at(choice.at(l));
  return sum;
}

namespace {

/// Costs by a function of layers; the layers of a network are stem, the searchable ones, head and
/// classifier.
template <class Cost>
Costs costs_by(const Space& space, const std::string& name, const Cost& cost) {
  Costs found{name, 0, {}};
  const std::vector<search::Layer> frame = search::layers(space.net(space.uniform(3, 3)));
  for (size_t i = 0; i < frame.size(); ++i) {
    if (i < 1 || i > space.layers()) found.fixed += cost(frame[i]);
  }
  for (size_t l = 0; l < space.layers(); ++l) {
    Choice choice = space.uniform(3, 3);
    std::vector<double>& own = found.of.emplace_back();
    for (size_t c = 0; c < space.candidates(l).size(); ++c) {
      choice[l] = c;
      own.push_back(cost(search::layers(space.net(choice))[l + 1]));
    }
  }
  return found;
}

}  // namespace

Costs table_costs(const Space& space, const search::LatencyTable& table) {
  return costs_by(space, "own table", [&](const search::Layer& layer) { return table.ms(layer); });
}

Costs mac_costs(const Space& space) {
  return costs_by(space, "MACs", [](const search::Layer& layer) {
    return static_cast<double>(search::macs(layer));
  });
}

Costs phone_costs(const Space& space, const search::PhoneTable& table, double uniform_ms) {
  Costs found{"phone table", 0, {}};
  for (size_t l = 0; l < space.layers(); ++l) {
    std::vector<double>& own = found.of.emplace_back();
    const PhoneStage& stage = phone_stages[l / Space::layers_a_stage];
    const bool changes = space.candidates(l).back().op != Operator::zero;
    for (const Block& block : space.candidates(l)) {
      own.push_back(block.op == Operator::zero ? 0 : table.ms(phone_key(block, stage, changes)));
    }
  }
  found.fixed = table.ms("Conv-input:224x224x3-output:112x112x32") +
                table.ms("Conv_1-input:7x7x320-output:7x7x1280") +
                table.ms("Logits-input:7x7x1280-output:1000");
  const double scale = uniform_ms / found.total(space.uniform(3, 6));
  found.fixed *= scale;
  for (auto& own : found.of) {
    for (double& cost : own) cost *= scale;
  }
  return found;
}

std::string describe(const Space& space, const Choice& choice) {
  std::string text;
  for (size_t l = 0; l < space.layers(); ++l) {
    if (l > 0) text += l % Space::layers_a_stage == 0 ? " | " : " ";
    const Block& block = space.candidates(l).at(choice.at(l));
    text += block.op == Operator::zero ? std::string("zero")
                                       : fmt::format("k{}e{}", block.kernel, block.expansion);
  }
  return text;
}

}  // namespace betimes::systems::proxylessnas
