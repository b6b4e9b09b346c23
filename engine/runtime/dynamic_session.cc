#include "betimes/runtime/dynamic_session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <list>
#include <optional>
#include <set>
#include <unordered_map>

#include "betimes/base/error.h"
#include "betimes/graph/stages.h"
#include "betimes/runtime/session.h"

namespace betimes::runtime {
namespace {

using Values = std::map<std::string, Tensor>;

constexpr size_t max_later_plans = 4;

/// Copies the box that both shapes have in common; the tensors have the same rank and type.
void copy_common(const Tensor& from, Tensor& to) {
  const Shape& a = from.shape();
  const Shape& b = to.shape();
  Shape box;
  for (size_t i = 0; i < a.size(); ++i) box.push_back(std::min(a[i], b[i]));
  if (element_count(box) == 0) return;
  const size_t element = size_of(from.dtype());
  const int64_t rows = box.empty() ? 1 : element_count(box) / box.back();
  const size_t bytes = element * static_cast<size_t>(box.empty() ? 1 : box.back());
  Shape at(box.size(), 0);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t source = 0;
    int64_t target = 0;
    for (size_t i = 0; i < box.size(); ++i) {
      source = source * a[i] + at[i];
      target = target * b[i] + at[i];
    }
    std::memcpy(to.mutable_raw() + static_cast<size_t>(target) * element,
                from.raw() + static_cast<size_t>(source) * element, bytes);
    for (size_t i = box.size() - (box.empty() ? 0 : 1); i-- > 0;) {
      if (++at[i] < box[i]) break;
      at[i] = 0;
    }
  }
}

Tensor resized(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return tensor;
  Tensor result(tensor.dtype(), shape);
  if (result.bytes() > 0) std::memset(result.mutable_raw(), 0, result.bytes());
  copy_common(tensor, result);
  return result;
}

/// What remains of a graph, from some point on, with the plans made for it so far.
struct Stage {
  struct Entry {
    std::string key;
    std::optional<Session> session;  // none where nothing is left to compute before `between`
    graph::Stages stages;            // without `ready`
    std::unique_ptr<Stage> rest;
  };
  graph::Graph graph;
  std::set<std::string> fixed;  // inputs whose values belong to the key
  size_t max_plans = 1;
  std::list<Entry> entries;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key;
};

void collect_sessions(const Stage& stage, std::vector<const Session*>& sessions) {
  for (const Stage::Entry& entry : stage.entries) {
    if (entry.session) sessions.push_back(&*entry.session);
    if (entry.rest) collect_sessions(*entry.rest, sessions);
  }
}

void append(std::string& key, const void* data, size_t bytes) {
  key.append(static_cast<const char*>(data), bytes);
}

std::string key_of(const Stage& stage, const Values& inputs) {
  std::string key;
  for (const graph::ValueInfo& input : stage.graph.inputs) {
    const Tensor& value = inputs.at(input.name);
    const size_t rank = value.shape().size();
    append(key, &rank, sizeof rank);
    append(key, value.shape().data(), rank * sizeof(int64_t));
    if (stage.fixed.contains(input.name)) append(key, value.raw(), value.bytes());
  }
  return key;
}

}  // namespace

struct DynamicSession::Impl {
  Impl(graph::Graph given, DynamicOptions chosen) : options(std::move(chosen)) {
    validate(given);
    for (const auto& [name, value] : options.compile.values) {
      const bool known =
          std::any_of(given.inputs.begin(), given.inputs.end(),
                      [&, &wanted = name](const auto& i) { return i.name == wanted; });
      if (!known) throw Error("input " + name, "isn't an input of the model");
    }
    if (!options.compile.store) {
      options.compile.store = std::make_shared<WeightStore>(options.compile.huge_pages);
    }
    first.graph = std::move(given);
    first.max_plans = std::max<size_t>(options.max_plans, 1);
    for (auto& [symbol, extents] : options.buckets) {
      std::sort(extents.begin(), extents.end());
      if (!has_symbol(first.graph.inputs, symbol)) {
        throw Error("bucket " + symbol, "is no extent of an input",
                    "a symbol of the model's inputs");
      }
    }
  }

  static bool has_symbol(const std::vector<graph::ValueInfo>& values, const std::string& symbol) {
    for (const graph::ValueInfo& value : values) {
      for (const graph::Dim& dim : value.dims.value_or(std::vector<graph::Dim>())) {
        if (dim.extent < 0 && dim.symbol == symbol) return true;
      }
    }
    return false;
  }

  void check(const Values& inputs) const {
    for (const auto& [name, value] : inputs) {
      const bool known =
          std::any_of(first.graph.inputs.begin(), first.graph.inputs.end(),
                      [&, &wanted = name](const auto& i) { return i.name == wanted; });
      if (!known) throw Error("input " + name, "isn't an input of the model");
    }
    for (const graph::ValueInfo& input : first.graph.inputs) {
      const auto given = inputs.find(input.name);
      if (given == inputs.end()) throw Error("input " + input.name, "was not given");
      if (given->second.dtype() != input.dtype) {
        throw Error("input " + input.name, "is " + to_string(given->second.type()),
                    to_string(input));
      }
    }
  }

  int64_t bucket(const std::string& symbol, int64_t extent) const {
    const auto found = options.buckets.find(symbol);
    if (found == options.buckets.end()) return extent;
    const auto up = std::lower_bound(found->second.begin(), found->second.end(), extent);
    return up == found->second.end() ? extent : *up;
  }

  /// Pads inputs up to their buckets and notes the extents that they had.
  void pad(Values& inputs, std::map<std::string, int64_t>& extents) const {
    for (const graph::ValueInfo& input : first.graph.inputs) {
      Tensor& value = inputs.at(input.name);
      Shape shape = value.shape();
      if (!input.dims || input.dims->size() != shape.size()) continue;
      for (size_t i = 0; i < shape.size(); ++i) {
        const graph::Dim& dim = (*input.dims)[i];
        if (dim.extent >= 0 || !options.buckets.contains(dim.symbol)) continue;
        const auto [known, added] = extents.emplace(dim.symbol, shape[i]);
        if (known->second != shape[i]) {
          throw Error("input " + input.name, "was given a second value for " + dim.symbol,
                      std::to_string(known->second));
        }
        shape[i] = bucket(dim.symbol, shape[i]);
      }
      value = resized(value, shape);
    }
  }

  void crop(Values& outputs, const std::map<std::string, int64_t>& extents) const {
    for (const graph::ValueInfo& output : first.graph.outputs) {
      Tensor& value = outputs.at(output.name);
      Shape shape = value.shape();
      if (!output.dims || output.dims->size() != shape.size()) continue;
      for (size_t i = 0; i < shape.size(); ++i) {
        const graph::Dim& dim = (*output.dims)[i];
        const auto extent = extents.find(dim.symbol);
        if (dim.extent < 0 && extent != extents.end())
          shape[i] = std::min(shape[i], extent->second);
      }
      value = resized(value, shape);
    }
  }

  graph::Stages cut(Stage& stage, const Values& inputs) {
    std::map<std::string, Shape> shapes;
    for (const auto& [name, value] : inputs) shapes[name] = value.shape();
    const auto again = [&] {
      graph::SpecializeOptions with;
      for (const std::string& name : stage.fixed) with.values[name] = inputs.at(name);
      return graph::cut(stage.graph, shapes, with);
    };
    graph::Stages stages = again();
    if (stages.whole() || &stage != &first) return stages;
    const std::set<std::string> deciding = graph::deciding_inputs(stage.graph, stages);
    const size_t before = stage.fixed.size();
    stage.fixed.insert(deciding.begin(), deciding.end());
    if (stage.fixed.size() == before) return stages;
    // Plans kept so far have keys without these values, which nobody asks for any more.
    counts.evicted += static_cast<int64_t>(stage.entries.size());
    stage.entries.clear();
    stage.by_key.clear();
    return again();
  }

  Stage::Entry& entry_for(Stage& stage, const Values& inputs) {
    const auto found = stage.by_key.find(key_of(stage, inputs));
    if (found != stage.by_key.end()) {
      ++counts.reused;
      stage.entries.splice(stage.entries.begin(), stage.entries, found->second);
      return stage.entries.front();
    }
    const auto start = std::chrono::steady_clock::now();
    Stage::Entry entry;
    entry.stages = cut(stage, inputs);
    if (!entry.stages.ready.graph.outputs.empty()) {
      entry.session.emplace(compile(std::move(entry.stages.ready), options.compile));
    }
    entry.stages.ready = {};
    entry.key = key_of(stage, inputs);  // with the inputs that turned out to decide
    if (stage.entries.size() >= stage.max_plans) {
      stage.by_key.erase(stage.entries.back().key);
      stage.entries.pop_back();
      ++counts.evicted;
    }
    stage.entries.push_front(std::move(entry));
    stage.by_key[stage.entries.front().key] = stage.entries.begin();
    ++counts.compiled;
    counts.last_compile_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    counts.compile_ms += counts.last_compile_ms;
    return stage.entries.front();
  }

  static void keep_outputs(const graph::Graph& graph, const Values& values, Values& results) {
    for (const graph::ValueInfo& output : graph.outputs) {
      const auto value = values.find(output.name);
      if (value != values.end()) results[output.name] = value->second;
    }
  }

  Stage& rest_of(Stage::Entry& entry, const Values& values) {
    if (entry.rest) return *entry.rest;
    entry.rest = std::make_unique<Stage>();
    entry.rest->graph = std::move(entry.stages.rest);
    entry.rest->fixed = entry.stages.steering;
    entry.rest->max_plans = max_later_plans;
    for (graph::ValueInfo& input : entry.rest->graph.inputs) {
      input.dtype = values.at(input.name).dtype();
    }
    return *entry.rest;
  }

  Values run(Stage& stage, const Values& inputs) {
    Stage::Entry& entry = entry_for(stage, inputs);
    Values values;
    if (entry.session) {
      Values read;
      for (const graph::ValueInfo& input : entry.session->plan().inputs()) {
        read[input.name] = inputs.at(input.name);
      }
      values = entry.session->run(read);
    }
    Values results;
    keep_outputs(stage.graph, values, results);
    if (entry.stages.between.empty() && !entry.rest && entry.stages.rest.nodes.empty()) {
      return results;
    }
    for (const auto& [name, value] : entry.stages.constants) values[name] = value;
    for (const graph::Node& node : entry.stages.between) {
      values.merge(graph::evaluate_node(node, values));
    }
    keep_outputs(stage.graph, values, results);
    if (entry.rest || !entry.stages.rest.nodes.empty()) {
      Stage& rest = rest_of(entry, values);
      Values read;
      for (const graph::ValueInfo& input : rest.graph.inputs) {
        read[input.name] = values.at(input.name);
      }
      results.merge(run(rest, read));
    }
    return results;
  }

  DynamicOptions options;
  Stage first;
  PlanCounts counts;
};

DynamicSession::DynamicSession(graph::Graph graph, DynamicOptions options)
    : impl_(std::make_unique<Impl>(std::move(graph), std::move(options))) {}
DynamicSession::~DynamicSession() = default;
DynamicSession::DynamicSession(DynamicSession&&) noexcept = default;
DynamicSession& DynamicSession::operator=(DynamicSession&&) noexcept = default;

PlanCounts DynamicSession::counts() const {
  PlanCounts counts = impl_->counts;
  std::vector<const Session*> sessions;
  collect_sessions(impl_->first, sessions);
  std::vector<const Plan*> plans;
  for (const Session* session : sessions) {
    plans.push_back(&session->plan());
    counts.shared_weight_bytes += session->plan().memory().weights;
  }
  counts.weight_bytes = weight_bytes(plans);
  counts.shared_weight_bytes -= counts.weight_bytes;
  return counts;
}

std::vector<MemoryRange> DynamicSession::memory_ranges() const {
  std::vector<const Session*> sessions;
  collect_sessions(impl_->first, sessions);
  std::set<MemoryRange> ranges;  // shared ones once
  for (const Session* session : sessions) {
    for (const MemoryRange& range : session->memory_ranges()) ranges.insert(range);
  }
  return {ranges.begin(), ranges.end()};
}

Values DynamicSession::run(const Values& inputs) {
  Values given = inputs;
  for (const auto& [name, value] : impl_->options.compile.values) given.emplace(name, value);
  impl_->check(given);
  if (impl_->options.buckets.empty()) return impl_->run(impl_->first, given);
  std::map<std::string, int64_t> extents;
  impl_->pad(given, extents);
  Values outputs = impl_->run(impl_->first, given);
  impl_->crop(outputs, extents);
  return outputs;
}

}  // namespace betimes::runtime
