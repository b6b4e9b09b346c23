#include "betimes/cost/boosted_trees.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/cost/detail/json_number.h"

namespace betimes::cost {
namespace {

using Json = nlohmann::json;

constexpr size_t max_nodes = 10'000'000;
constexpr size_t max_file_bytes = size_t{1} << 30;
constexpr int64_t max_features = 100'000;

/// Reads fields of the file, naming where it is when one isn't as it must be.
class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const {
    throw Error(where_, what, expected);
  }
  const Json& at(const Json& object, const char* name) const {
    if (!object.is_object()) refuse(fmt::format("has no object around '{}'", name));
    const auto found = object.find(name);
    if (found == object.end()) refuse(fmt::format("lacks '{}'", name));
    return *found;
  }
  /// XGBoost writes single parameters as text.
  double parameter(const Json& object, const char* name) const {
    const Json& value = at(object, name);
    double number = 0;
    if (!value.is_string()) refuse(fmt::format("'{}' isn't text", name));
    const auto& text = value.get_ref<const std::string&>();
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || stop != text.data() + text.size() || !std::isfinite(number)) {
      refuse(fmt::format("'{}' isn't a number", name));
    }
    return number;
  }
  void expect_text(const Json& object, const char* name, const std::string& wanted) const {
    const Json& value = at(object, name);
    if (!value.is_string() || value.get_ref<const std::string&>() != wanted) {
      refuse(fmt::format("'{}' isn't supported", name), wanted);
    }
  }
  const Json& list(const Json& object, const char* name, size_t size) const {
    const Json& value = at(object, name);
    if (!value.is_array() || value.size() != size) {
      refuse(fmt::format("'{}' isn't a list of {}", name, size));
    }
    return value;
  }
  int64_t whole(const Json& value, const char* name, int64_t low, int64_t high) const {
    const std::optional<int64_t> number = detail::whole_number(value, low, high);
    if (!number) {
      refuse(fmt::format("'{}' holds a number that can't be", name),
             fmt::format("{} to {}", low, high));
    }
    return *number;
  }
  float finite(const Json& value, const char* name) const {
    const float number = value.is_number() ? value.get<float>() : NAN;
    if (!std::isfinite(number)) refuse(fmt::format("'{}' holds what isn't a number", name));
    return number;
  }

 private:
  std::string where_;
};

/// Marks the children of a node. One parent each, and none for the root: what hangs on the root is
/// a tree.
void adopt(const Reader& part, std::vector<bool>& has_parent, int64_t left, int64_t right) {
  for (const int64_t child : {left, right}) {
    if (child == 0 || has_parent[static_cast<size_t>(child)]) {
      part.refuse("has a node with two parents");
    }
    has_parent[static_cast<size_t>(child)] = true;
  }
}

/// The nodes of one tree, which come after `before` others.
std::vector<BoostedTrees::Node> parse_tree(const Reader& part, const Json& tree, size_t before,
                                           size_t features) {
  const Json& left = part.at(tree, "left_children");
  const size_t count = left.is_array() ? left.size() : 0;
  if (count == 0 || count > max_nodes - before) part.refuse("has no nodes or too many");
  const Json& right = part.list(tree, "right_children", count);
  const Json& conditions = part.list(tree, "split_conditions", count);
  const Json& indices = part.list(tree, "split_indices", count);
  const Json& defaults = part.list(tree, "default_left", count);
  const Json& kinds = part.list(tree, "split_type", count);
  const auto base = static_cast<int64_t>(before), last = static_cast<int64_t>(count) - 1;
  std::vector<BoostedTrees::Node> nodes(count);
  std::vector<bool> has_parent(count, false);
  for (size_t i = 0; i < count; ++i) {
    BoostedTrees::Node& node = nodes[i];
    node.value = part.finite(conditions[i], "split_conditions");
    const int64_t to_left = part.whole(left[i], "left_children", -1, last);
    const int64_t to_right = part.whole(right[i], "right_children", -1, last);
    if ((to_left < 0) != (to_right < 0)) part.refuse("has a node with one child");
    if (to_left < 0) continue;
    if (part.whole(kinds[i], "split_type", 0, 1) != 0) {
      part.refuse("splits by category", "numeric splits");
    }
    adopt(part, has_parent, to_left, to_right);
    node.left = static_cast<int32_t>(base + to_left);
    node.right = static_cast<int32_t>(base + to_right);
    node.feature = static_cast<uint32_t>(
        part.whole(indices[i], "split_indices", 0, static_cast<int64_t>(features) - 1));
    node.missing_left = part.whole(defaults[i], "default_left", 0, 1) == 1;
  }
  return nodes;
}

}  // namespace

BoostedTrees BoostedTrees::parse(const std::string& text, const std::string& where) {
  const Reader file(where);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) file.refuse("isn't JSON", "a model that XGBoost saved as JSON");
  const Json& learner = file.at(json, "learner");
  const Json& parameters = file.at(learner, "learner_model_param");
  file.expect_text(file.at(learner, "objective"), "name", "reg:squarederror");
  const Json& booster = file.at(learner, "gradient_booster");
  file.expect_text(booster, "name", "gbtree");
  const Json& trees = file.at(file.at(booster, "model"), "trees");
  if (!trees.is_array() || trees.empty()) file.refuse("has no trees");

  BoostedTrees found;
  found.base_ = static_cast<float>(file.parameter(parameters, "base_score"));
  const double features = file.parameter(parameters, "num_feature");
  if (!(features >= 1 && features <= max_features) || features != std::floor(features)) {
    file.refuse("'num_feature' can't be", fmt::format("1 to {}", max_features));
  }
  found.features_ = static_cast<size_t>(features);
  for (const Json& tree : trees) {
    const Reader part(fmt::format("{}, tree {}", where, found.roots_.size()));
    const std::vector<Node> nodes = parse_tree(part, tree, found.nodes_.size(), found.features_);
    found.roots_.push_back(static_cast<int32_t>(found.nodes_.size()));
    found.nodes_.insert(found.nodes_.end(), nodes.begin(), nodes.end());
  }
  return found;
}

BoostedTrees BoostedTrees::read(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, max_file_bytes);
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

float BoostedTrees::predict(std::span<const float> features) const {
  if (features.size() != features_) {
    throw Error("features", fmt::format("are {}", features.size()), fmt::format("{}", features_));
  }
  float sum = base_;
  for (const int32_t root : roots_) {
    const Node* node = &nodes_[static_cast<size_t>(root)];
    while (node->left >= 0) {
      const float value = features[node->feature];
      const bool left = std::isnan(value) ? node->missing_left : value < node->value;
      node = &nodes_[static_cast<size_t>(left ? node->left : node->right)];
    }
    sum += node->value;
  }
  return sum;
}

}  // namespace betimes::cost
