#include "systems/hardware/preroutgnn/train_modules.h"

#include <cmath>

#include "systems/hardware/common/train_segments.h"
#include "systems/hardware/preroutgnn/reading.h"

namespace betimes::systems::preroutgnn {
namespace {

using hardware::segment_max;
using hardware::segment_mean;
using hardware::segment_min;
using hardware::segment_sum;
using torch::nn::Linear;

constexpr int64_t hidden_layers = 3;
constexpr int64_t axes = 2 * static_cast<int64_t>(axis_length);
constexpr int64_t entries_of_table = static_cast<int64_t>(axis_length * axis_length);

std::span<const float> span_of(const at::Tensor& values) {
  return {values.data_ptr<float>(), static_cast<size_t>(values.numel())};
}
std::span<float> mutable_span_of(at::Tensor& values) {
  return {values.data_ptr<float>(), static_cast<size_t>(values.numel())};
}

}  // namespace

MlpImpl::MlpImpl(int64_t in, int64_t hidden, int64_t layers, int64_t out) {
  for (int64_t i = 0; i <= layers; ++i) {
    layers_.push_back(register_module(std::to_string(i),
                                      Linear(i == 0 ? in : hidden, i == layers ? out : hidden)));
  }
}

at::Tensor MlpImpl::forward(const at::Tensor& x) {
  at::Tensor y = layers_[0](x);
  for (size_t i = 1; i < layers_.size(); ++i) y = layers_[i](at::leaky_relu(y, leak));
  return y;
}

CodeLayerImpl::CodeLayerImpl(int64_t in, int64_t hidden, int64_t out)
    : message_(register_module("message", Mlp(2 * in + static_cast<int64_t>(edge_feature_count),
                                              hidden, hidden_layers, 1 + 4 * code_message))),
      update_(register_module("update", Mlp(in + 4 * code_message, hidden, 1, out))) {}

at::Tensor CodeLayerImpl::forward(const at::Tensor& nodes, const GraphTensors& graph) {
  const at::Tensor found = message_(at::cat(
      {nodes.index_select(0, graph.source), nodes.index_select(0, graph.target), graph.edges}, 1));
  const at::Tensor messages = found.slice(1, 1) * found.slice(1, 0, 1).sigmoid();
  const std::vector<at::Tensor> four = messages.split(code_message, 1);
  return update_(at::cat({nodes, segment_mean(four[0], graph.target, graph.pins),
                          segment_sum(four[1], graph.target, graph.pins),
                          segment_min(four[2], graph.target, graph.pins),
                          segment_max(four[3], graph.target, graph.pins)},
                         1));
}

CoderImpl::CoderImpl(int64_t in, int64_t out, const ModelOptions& options) {
  for (int64_t i = 0; i < options.code_layers; ++i) {
    const bool first = i == 0, last = i + 1 == options.code_layers;
    layers_.push_back(register_module(
        std::to_string(i),
        CodeLayer(first ? in : code_width + in, options.code_hidden, last ? out : code_width)));
  }
}

at::Tensor CoderImpl::forward(const at::Tensor& nodes, const GraphTensors& graph) {
  at::Tensor h = layers_.front()(nodes, graph);
  for (size_t i = 1; i < layers_.size(); ++i) {
    const at::Tensor next = layers_[i](at::cat({h, nodes}, 1), graph);
    h = i + 1 < layers_.size() ? h + next : next;
  }
  return h;
}

NetConvImpl::NetConvImpl(int64_t width, int64_t hidden)
    : width_(width),
      to_sink_(register_module("to_sink", Mlp(2 * width + 2, hidden, hidden_layers, width))),
      to_driver_(register_module("to_driver",
                                 Mlp(2 * width + 2, hidden, hidden_layers, 1 + 2 * message_width))),
      update_(register_module("update",
                              Mlp(width + 2 * message_width, hidden, hidden_layers, width))) {}

at::Tensor NetConvImpl::forward(const at::Tensor& pins, const GraphTensors& graph) {
  const at::Tensor down = to_sink_(at::cat(
      {pins.index_select(0, graph.driver), pins.index_select(0, graph.sink), graph.wires}, 1));
  const at::Tensor heard = pins.index_add(0, graph.sink, down);
  const at::Tensor up = to_driver_(at::cat(
      {heard.index_select(0, graph.sink), pins.index_select(0, graph.driver), graph.wires}, 1));
  const at::Tensor messages = up.slice(1, 1) * up.slice(1, 0, 1).sigmoid();
  const at::Tensor drivers = std::get<0>(at::_unique(graph.driver));
  const at::Tensor sums =
      segment_sum(messages.slice(1, 0, message_width), graph.driver, graph.pins);
  const at::Tensor most = segment_max(messages.slice(1, message_width), graph.driver, graph.pins);
  const at::Tensor change = update_(at::cat({heard, sums, most}, 1).index_select(0, drivers));
  return heard.index_add(0, drivers, change);
}

struct TableReaderImpl::Entries {
  TableEntries of_library;
};

TableReaderImpl::TableReaderImpl(int64_t in, const ModelOptions& options,
                                 std::span<const Arc> library, const Statistics& statistics)
    : reading_(options.reading), tables_(static_cast<int64_t>(options.tables())) {
  if (reading_ == Reading::attention) {
    entries_ =
        std::make_shared<const Entries>(Entries{table_entries(library, options, statistics)});
    query_ =
        register_module("query", Mlp(in, options.hidden, hidden_layers, tables_ * attention_width));
    project_ = register_module("project", Linear(attention_width, attention_width));
    out_ = register_module("out", Linear(attention_width, attention_width));
    key_ = register_parameter("key", at::randn({attention_width}) * 0.5);
    value_ = register_parameter("value", at::randn({attention_width}) * 0.5);
    value_bias_ = register_parameter("value_bias", at::zeros({attention_width}));
    return;
  }
  const std::vector<size_t> chosen = tables(options);
  const auto arcs = static_cast<int64_t>(library.size());
  std::vector<float> means, axis_values, values;
  for (const Arc& arc : library) {
    for (const size_t t : chosen) {
      means.push_back(table_mean(arc[t], statistics));
      const float axis_scale = std::sqrt(statistics.key);
      for (const float each : arc[t].row_axis) axis_values.push_back(each / axis_scale);
      for (const float each : arc[t].column_axis) axis_values.push_back(each / axis_scale);
      for (const float each : arc[t].values) values.push_back(each / statistics.delay);
    }
  }
  means_ = at::tensor(means).view({arcs, tables_});
  if (reading_ == Reading::mean) return;
  axes_ = at::tensor(axis_values).view({arcs, tables_, axes});
  values_ = at::tensor(values).view({arcs, tables_, entries_of_table});
  query_ = register_module("query", Mlp(in, options.hidden, hidden_layers, tables_ * 2));
  weights_ = register_module("weights", Mlp(axes + 2, options.hidden, 2, axes));
}

int64_t TableReaderImpl::width() const {
  return reading_ == Reading::attention ? tables_ * attention_width : tables_;
}

at::Tensor TableReaderImpl::forward(const at::Tensor& query, const at::Tensor& arc) {
  if (reading_ == Reading::mean) return means_.index_select(0, arc);
  const bool attention = reading_ == Reading::attention;
  const at::Tensor queries =
      query_(query).view({arc.size(0), tables_, attention ? attention_width : 2});
  return attention ? attend(queries, arc) : product(queries, arc);
}

at::Tensor TableReaderImpl::attend(const at::Tensor& queries, const at::Tensor& arc) {
  constexpr int64_t own = attention_width / attention_heads;
  const std::vector<int64_t> by_head = {arc.size(0), tables_, attention_heads, own};
  const at::Tensor scores =
      ((project_(queries) * key_).view(by_head).sum(3) / std::sqrt(static_cast<double>(own)))
          .contiguous();  // [E, tables, heads]
  const at::Tensor arcs = arc.contiguous(), given = scores.detach();
  at::Tensor read = at::empty_like(given), slopes = at::empty_like(given);
  read_tables(entries_->of_library, {arcs.data_ptr<int64_t>(), static_cast<size_t>(arcs.numel())},
              span_of(given), attention_heads, mutable_span_of(read), mutable_span_of(slopes));
  // The value with its derivative: what is added is 0.
  const at::Tensor found = read + (scores - given) * slopes;
  const at::Tensor wide =
      (found.unsqueeze(3).expand(by_head).reshape({arc.size(0), tables_, attention_width}) *
       value_) +
      value_bias_;
  return out_(wide).flatten(1);
}

at::Tensor TableReaderImpl::product(const at::Tensor& queries, const at::Tensor& arc) {
  const at::Tensor weights =
      weights_(at::cat({axes_.index_select(0, arc), queries}, 2));  // [E, tables, 14]
  const auto length = static_cast<int64_t>(axis_length);
  const at::Tensor both = weights.slice(2, 0, length).unsqueeze(3) *
                          weights.slice(2, length).unsqueeze(2);  // [E, tables, 7, 7]
  return (both.flatten(2) * values_.index_select(0, arc)).sum(2);
}

}  // namespace betimes::systems::preroutgnn
