#include "betimes/learn/testing/modules.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/nn.h>

#include <algorithm>

// A list of modules; each function is one, with its script beside it.

namespace betimes::learn::testing {
namespace {

namespace nn = torch::nn;
namespace F = torch::nn::functional;
using at::Tensor;
using Tensors = std::vector<Tensor>;

struct Parts : nn::Module {};

/// A case under construction: its layers register themselves in `module`.
struct Draft {
  ModuleCase result;
  explicit Draft(std::string name) {
    result.name = std::move(name);
    result.module = std::make_shared<Parts>();
  }
  template <class Holder>
  Holder add(const std::string& name, Holder layer) {
    return result.module->register_module(name, layer);
  }
  Tensor parameter(const std::string& name, const Tensor& value) {
    return result.module->register_parameter(name, value);
  }
  ModuleCase finish(std::function<Tensors(int64_t)> inputs, Forward forward, std::string script,
                    std::vector<int64_t> batch_axes = {}) {
    result.inputs = std::move(inputs);
    result.forward = std::move(forward);
    result.script = std::move(script);
    result.batch_axes = std::move(batch_axes);
    return std::move(result);
  }
};

std::function<Tensors(int64_t)> noise(std::vector<int64_t> shape) {
  return [shape](int64_t batch) {
    std::vector<int64_t> whole = {batch};
    whole.insert(whole.end(), shape.begin(), shape.end());
    return Tensors{at::randn(whole)};
  };
}

nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).groups(groups));
}

ModuleCase mlp() {
  Draft d("mlp");
  auto first = d.add("first", nn::Linear(20, 64));
  auto norm = d.add("norm", nn::LayerNorm(nn::LayerNormOptions({64})));
  auto second = d.add("second", nn::Linear(64, 32));
  auto last = d.add("last", nn::Linear(32, 5));
  return d.finish(
      noise({20}),
      [=](const Tensors& in) mutable {
        return Tensors{last(torch::relu(second(torch::gelu(norm(first(in[0]))))))};
      },
      R"(
def forward(self, x):
    h = torch.gelu(torch.layer_norm(torch.linear(x, self.first_weight, self.first_bias), [64],
                                    self.norm_weight, self.norm_bias))
    h = torch.relu(torch.linear(h, self.second_weight, self.second_bias))
    return torch.linear(h, self.last_weight, self.last_bias)
)");
}

ModuleCase cnn() {
  Draft d("cnn with batch norm");
  auto stem = d.add("stem", conv(3, 16, 3, 2));
  auto norm = d.add("norm", nn::BatchNorm2d(16));
  auto body = d.add("body", conv(16, 24, 3));
  auto norm2 = d.add("norm2", nn::BatchNorm2d(24));
  auto head = d.add("head", nn::Linear(24, 10));
  return d.finish(
      noise({3, 24, 24}),
      [=](const Tensors& in) mutable {
        Tensor x = torch::relu(norm(stem(in[0])));
        x = torch::max_pool2d(torch::relu(norm2(body(x))), 2);
        return Tensors{head(torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1))};
      },
      R"(
def forward(self, x):
    x = torch.conv2d(x, self.stem_weight, self.stem_bias, [2, 2], [1, 1])
    x = torch.relu(torch.batch_norm(x, self.norm_weight, self.norm_bias, self.norm_running_mean,
                                    self.norm_running_var, False, 0.1, 1e-5, True))
    x = torch.conv2d(x, self.body_weight, self.body_bias, [1, 1], [1, 1])
    x = torch.relu(torch.batch_norm(x, self.norm2_weight, self.norm2_bias, self.norm2_running_mean,
                                    self.norm2_running_var, False, 0.1, 1e-5, True))
    x = torch.max_pool2d(x, [2, 2], [2, 2])
    x = torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1)
    return torch.linear(x, self.head_weight, self.head_bias)
)");
}

ModuleCase u_net() {
  Draft d("u-net");
  auto down = d.add("down", conv(3, 8, 3, 2));
  auto deep = d.add("deep", conv(8, 12, 3, 2));
  auto up = d.add("up", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(12, 8, 2).stride(2)));
  auto mix = d.add("mix", conv(16, 8, 3));
  auto last = d.add("last", conv(11, 2, 1));
  return d.finish(
      noise({3, 16, 16}),
      [=](const Tensors& in) mutable {
        const Tensor a = torch::leaky_relu(down(in[0]), 0.1);
        const Tensor b = torch::silu(mix(torch::cat({a, up(torch::elu(deep(a)))}, 1)));
        const Tensor c = torch::upsample_bilinear2d(b, {16, 16}, false);
        return Tensors{torch::sigmoid(last(torch::cat({c, in[0]}, 1)))};
      },
      R"(
def forward(self, x):
    a = torch.leaky_relu(torch.conv2d(x, self.down_weight, self.down_bias, [2, 2], [1, 1]), 0.1)
    b = torch.elu(torch.conv2d(a, self.deep_weight, self.deep_bias, [2, 2], [1, 1]))
    b = torch.cat([a, torch.conv_transpose2d(b, self.up_weight, self.up_bias, [2, 2])], 1)
    b = torch.silu(torch.conv2d(b, self.mix_weight, self.mix_bias, [1, 1], [1, 1]))
    c = torch.upsample_bilinear2d(b, [x.size(2), x.size(3)], False, None, None)
    return torch.sigmoid(torch.conv2d(torch.cat([c, x], 1), self.last_weight, self.last_bias))
)");
}

ModuleCase depthwise() {
  Draft d("depthwise-separable cnn");
  auto wide = d.add("wide", conv(8, 24, 1));
  auto norm = d.add("norm", nn::BatchNorm2d(24));
  auto deep = d.add("deep", conv(24, 24, 5, 2, 24));
  auto squeeze = d.add("squeeze", nn::Linear(24, 6));
  auto excite = d.add("excite", nn::Linear(6, 24));
  auto narrow = d.add("narrow", conv(24, 12, 1));
  return d.finish(
      noise({8, 14, 14}),
      [=](const Tensors& in) mutable {
        Tensor x = F::relu6(deep(torch::hardswish(norm(wide(in[0])))));
        const Tensor gate = torch::hardsigmoid(excite(torch::relu(squeeze(x.mean({2, 3})))));
        return Tensors{narrow(x * gate.unsqueeze(2).unsqueeze(3))};
      },
      R"(
def forward(self, x):
    x = torch.conv2d(x, self.wide_weight, self.wide_bias)
    x = torch.hardswish(torch.batch_norm(x, self.norm_weight, self.norm_bias,
                                         self.norm_running_mean, self.norm_running_var, False, 0.1,
                                         1e-5, True))
    x = torch.conv2d(x, self.deep_weight, self.deep_bias, [2, 2], [2, 2], [1, 1], 24)
    x = torch.clamp(x, 0.0, 6.0)
    g = torch.relu(torch.linear(torch.mean(x, [2, 3]), self.squeeze_weight, self.squeeze_bias))
    g = torch.hardsigmoid(torch.linear(g, self.excite_weight, self.excite_bias))
    return torch.conv2d(x * g[:, :, None, None], self.narrow_weight, self.narrow_bias)
)");
}

ModuleCase temporal() {
  Draft d("dilated temporal cnn");
  const auto causal = [](int64_t in, int64_t out, int64_t dilation) {
    return nn::Conv1d(nn::Conv1dOptions(in, out, 3).dilation(dilation));
  };
  auto first = d.add("first", causal(6, 32, 1));
  auto second = d.add("second", causal(16, 32, 4));
  return d.finish(
      noise({6, 40}),
      [=](const Tensors& in) mutable {
        const Tensor a = torch::glu(first(torch::constant_pad_nd(in[0], {2, 0})), 1);
        return Tensors{a + torch::glu(second(torch::constant_pad_nd(a, {8, 0})), 1)};
      },
      R"(
def forward(self, x):
    a = torch.conv1d(torch.constant_pad_nd(x, [2, 0]), self.first_weight, self.first_bias)
    a = torch.glu(a, 1)
    b = torch.constant_pad_nd(a, [8, 0])
    b = torch.conv1d(b, self.second_weight, self.second_bias, [1], [0], [4])
    return a + torch.glu(b, 1)
)");
}

ModuleCase gru() {
  Draft d("gru");
  auto cells = d.add("cells", nn::GRU(nn::GRUOptions(10, 24).batch_first(true)));
  auto head = d.add("head", nn::Linear(24, 4));
  return d.finish(
      noise({12, 10}),
      [=](const Tensors& in) mutable {
        return Tensors{head(std::get<0>(cells(in[0])).select(1, -1))};
      },
      R"(
def forward(self, x):
    h = torch.zeros([1, x.size(0), 24])
    y, last = torch.gru(x, h, [self.cells_weight_ih_l0, self.cells_weight_hh_l0,
                               self.cells_bias_ih_l0, self.cells_bias_hh_l0],
                        True, 1, 0.0, False, False, True)
    return torch.linear(y[:, -1], self.head_weight, self.head_bias)
)");
}

ModuleCase deep_gru() {
  Draft d("gru, two layers both ways, state in and out");
  auto cells = d.add("cells", nn::GRU(nn::GRUOptions(6, 8).num_layers(2).bidirectional(true)));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({7, batch, 6}), at::randn({4, batch, 8})};
      },
      [=](const Tensors& in) mutable {
        const auto [y, h] = cells(in[0], in[1]);
        return Tensors{y, h};
      },
      "", {1, 1});
}

ModuleCase lstm() {
  Draft d("lstm");
  auto cells = d.add("cells", nn::LSTM(nn::LSTMOptions(10, 24)));
  auto head = d.add("head", nn::Linear(24, 4));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({12, batch, 10})};
      },
      [=](const Tensors& in) mutable { return Tensors{head(std::get<0>(cells(in[0])))}; },
      R"(
def forward(self, x):
    h = torch.zeros([1, x.size(1), 24])
    y, last, cell = torch.lstm(x, [h, h], [self.cells_weight_ih_l0, self.cells_weight_hh_l0,
                                           self.cells_bias_ih_l0, self.cells_bias_hh_l0],
                               True, 1, 0.0, False, False, False)
    return torch.linear(y, self.head_weight, self.head_bias)
)",
      {1});
}

ModuleCase deep_lstm() {
  Draft d("lstm, two layers both ways, state in and out");
  auto cells = d.add(
      "cells", nn::LSTM(nn::LSTMOptions(6, 8).num_layers(2).bidirectional(true).batch_first(true)));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({batch, 7, 6}), at::randn({4, batch, 8}),
                       at::randn({4, batch, 8})};
      },
      [=](const Tensors& in) mutable {
        const auto [y, state] = cells(in[0], std::make_tuple(in[1], in[2]));
        return Tensors{y, std::get<0>(state), std::get<1>(state)};
      },
      "", {0, 1, 1});
}

/// One step of a recogniser that carries its state: cells rather than layers.
ModuleCase cells() {
  Draft d("gru and lstm cells, one step");
  auto first = d.add("first", nn::GRUCell(12, 16));
  auto second = d.add("second", nn::LSTMCell(16, 16));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({batch, 12}), at::randn({batch, 16}), at::randn({batch, 16}),
                       at::randn({batch, 16})};
      },
      [=](const Tensors& in) mutable {
        const Tensor h = first(in[0], in[1]);
        const auto [y, c] = second(h, std::make_tuple(in[2], in[3]));
        return Tensors{h, y, c};
      },
      "");
}

ModuleCase encoder() {
  Draft d("transformer encoder layer");
  auto layer = d.add("layer", nn::TransformerEncoderLayer(
                                  nn::TransformerEncoderLayerOptions(32, 4).dim_feedforward(64)));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({9, batch, 32})};
      },
      [=](const Tensors& in) mutable { return Tensors{layer(in[0])}; },
      R"(
def forward(self, x):
    t, n, e = x.size(0), x.size(1), x.size(2)
    qkv = torch.linear(x, self.layer_self_attn_in_proj_weight, self.layer_self_attn_in_proj_bias)
    q, k, v = torch.chunk(qkv, 3, -1)
    q = (q * 0.35355339059327373).reshape([t, n * 4, 8]).transpose(0, 1)
    k = k.reshape([t, n * 4, 8]).transpose(0, 1)
    v = v.reshape([t, n * 4, 8]).transpose(0, 1)
    a = torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1), v)
    a = a.transpose(0, 1).reshape([t, n, e])
    a = torch.linear(a, self.layer_self_attn_out_proj_weight, self.layer_self_attn_out_proj_bias)
    x = torch.layer_norm(x + a, [32], self.layer_norm1_weight, self.layer_norm1_bias)
    f = torch.relu(torch.linear(x, self.layer_linear1_weight, self.layer_linear1_bias))
    f = torch.linear(f, self.layer_linear2_weight, self.layer_linear2_bias)
    return torch.layer_norm(x + f, [32], self.layer_norm2_weight, self.layer_norm2_bias)
)",
      {1});
}

ModuleCase decoder() {
  Draft d("transformer decoder layer, causal");
  auto layer = d.add("layer", nn::TransformerDecoderLayer(
                                  nn::TransformerDecoderLayerOptions(32, 4).dim_feedforward(64)));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randn({5, batch, 32}), at::randn({9, batch, 32})};
      },
      [=](const Tensors& in) mutable {
        const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(in[0].size(0));
        return Tensors{layer(in[0], in[1], mask)};
      },
      "", {1, 1});
}

/// RMSNorm, rotary positions, causal attention with shared key heads, SwiGLU.
ModuleCase language_block() {
  Draft d("language model block");
  constexpr int64_t width = 32, heads = 4, groups = 2, size = 8;
  const auto plain = [](int64_t in, int64_t out) {
    return nn::Linear(nn::LinearOptions(in, out).bias(false));
  };
  auto scale = d.parameter("scale", at::ones({width}));
  auto q = d.add("q", plain(width, heads * size));
  auto k = d.add("k", plain(width, groups * size));
  auto v = d.add("v", plain(width, groups * size));
  auto out = d.add("out", plain(heads * size, width));
  auto gate = d.add("gate", plain(width, 64));
  auto up = d.add("up", plain(width, 64));
  auto down = d.add("down", plain(64, width));
  const auto norm = [scale](const Tensor& x) {
    return x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-6) * scale;
  };
  const auto rotated = [](const Tensor& x) {  // [N, heads, T, size]
    const Tensor rates = torch::pow(10000.0, -torch::arange(0, size / 2).to(at::kFloat) / 4.0);
    const Tensor angles = torch::outer(torch::arange(x.size(2)).to(at::kFloat), rates);
    const Tensor both = torch::cat({angles, angles}, -1);
    const auto halves = x.chunk(2, -1);
    return x * both.cos() + torch::cat({-halves[1], halves[0]}, -1) * both.sin();
  };
  return d.finish(
      noise({6, width}),
      [=](const Tensors& in) mutable {
        const Tensor x = in[0], h = norm(x);
        const int64_t n = x.size(0), t = x.size(1);
        const auto split = [&](const Tensor& y, int64_t count) {
          return y.view({n, t, count, size}).transpose(1, 2);
        };
        const Tensor keys = rotated(split(k(h), groups)).repeat_interleave(heads / groups, 1);
        const Tensor values = split(v(h), groups).repeat_interleave(heads / groups, 1);
        Tensor scores = torch::matmul(rotated(split(q(h), heads)), keys.transpose(2, 3)) /
                        std::sqrt(static_cast<double>(size));
        const Tensor later = torch::ones({t, t}, at::kBool).triu(1);
        scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
        const Tensor mixed = torch::matmul(torch::softmax(scores, -1), values);
        const Tensor y = x + out(mixed.transpose(1, 2).reshape({n, t, heads * size}));
        const Tensor z = norm(y);
        return Tensors{y + down(torch::silu(gate(z)) * up(z))};
      },
      "");
}

ModuleCase embeddings() {
  Draft d("embeddings and bags");
  auto words = d.add("words", nn::Embedding(50, 16));
  auto places = d.add("places", nn::Embedding(8, 16));
  auto sums = d.add("sums", nn::EmbeddingBag(nn::EmbeddingBagOptions(30, 16).mode(torch::kSum)));
  auto means = d.add("means", nn::EmbeddingBag(nn::EmbeddingBagOptions(30, 16).mode(torch::kMean)));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randint(50, {batch, 8}), at::randint(30, {batch, 5})};
      },
      [=](const Tensors& in) mutable {
        const Tensor x = words(in[0]) + places(torch::arange(8));
        const Tensor bags = sums(in[1]) + means(in[1]);
        return Tensors{torch::cat({x, bags.unsqueeze(1)}, 1)};
      },
      R"(
def forward(self, tokens, items):
    x = torch.embedding(self.words_weight, tokens)
    x = x + torch.embedding(self.places_weight, torch.arange(8))
    rows = torch.embedding(self.sums_weight, items).sum([1])
    rows = rows + torch.embedding(self.means_weight, items).mean([1])
    return torch.cat([x, rows.unsqueeze(1)], 1)
)");
}

ModuleCase normalizations() {
  Draft d("normalisations");
  auto group = d.add("group", nn::GroupNorm(nn::GroupNormOptions(4, 8)));
  auto instance = d.add("instance", nn::InstanceNorm2d(nn::InstanceNorm2dOptions(8).affine(true)));
  auto bare = d.add("bare", nn::InstanceNorm2d(nn::InstanceNorm2dOptions(8)));
  auto layer = d.add("layer", nn::LayerNorm(nn::LayerNormOptions({6, 7})));
  return d.finish(
      noise({8, 6, 7}),
      [=](const Tensors& in) mutable {
        const Tensor x = in[0] * 2.0 + 0.5;
        return Tensors{layer(torch::tanh(group(x)) + instance(x)) - bare(x.abs())};
      },
      R"(
def forward(self, x):
    x = x * 2.0 + 0.5
    g = torch.group_norm(x, 4, self.group_weight, self.group_bias)
    i = torch.instance_norm(x, self.instance_weight, self.instance_bias, None, None, True, 0.1,
                            1e-5, True)
    b = torch.instance_norm(torch.abs(x), None, None, None, None, True, 0.1, 1e-5, True)
    return torch.layer_norm(torch.tanh(g) + i, [6, 7], self.layer_weight, self.layer_bias) - b
)");
}

ModuleCase choice() {
  Draft d("softmax and top-k");
  auto head = d.add("head", nn::Linear(16, 40));
  return d.finish(
      noise({16}),
      [=](const Tensors& in) mutable {
        const Tensor logits = head(in[0]);
        const auto [values, places] = torch::topk(torch::softmax(logits, -1), 5);
        return Tensors{values, places, torch::log_softmax(logits, 1), torch::argmax(logits, 1)};
      },
      R"(
def forward(self, x):
    logits = torch.linear(x, self.head_weight, self.head_bias)
    values, places = torch.topk(torch.softmax(logits, -1), 5)
    return values, places, torch.log_softmax(logits, 1), torch.argmax(logits, 1)
)");
}

/// Embeddings of categorical fields, their pairwise products (a factorisation machine), dense
/// features and a tower on top.
ModuleCase click_tower() {
  Draft d("click-through tower");
  constexpr int64_t fields = 8, width = 8, dense = 13;
  auto table = d.add("table", nn::Embedding(fields * 100, width));
  auto first = d.add("first", nn::Linear(fields * width + dense, 64));
  auto second = d.add("second", nn::Linear(64, 32));
  auto last = d.add("last", nn::Linear(32, 1));
  return d.finish(
      [](int64_t batch) {
        return Tensors{at::randint(100, {batch, fields}), at::randn({batch, dense})};
      },
      [=](const Tensors& in) mutable {
        const Tensor rows = table(in[0] + torch::arange(fields) * 100);
        const Tensor pairs = (rows.sum(1).square() - rows.square().sum(1)).sum(1, true) * 0.5;
        Tensor h = torch::cat({rows.flatten(1), in[1]}, 1);
        h = torch::relu(second(torch::relu(first(h))));
        return Tensors{torch::sigmoid(last(h) + pairs)};
      },
      R"(
def forward(self, items, dense):
    rows = torch.embedding(self.table_weight, items + torch.arange(8) * 100)
    pairs = torch.square(rows.sum([1])) - torch.square(rows).sum([1])
    pairs = pairs.sum([1], True) * 0.5
    h = torch.cat([torch.flatten(rows, 1), dense], 1)
    h = torch.relu(torch.linear(h, self.first_weight, self.first_bias))
    h = torch.relu(torch.linear(h, self.second_weight, self.second_bias))
    return torch.sigmoid(torch.linear(h, self.last_weight, self.last_bias) + pairs)
)");
}

/// Statistics as after training: a batch norm that is still the identity would hide mistakes.
void draw_statistics(nn::Module& module) {
  for (const Tensor& parameter : module.parameters()) {
    if (parameter.dim() == 1) parameter.add_(at::randn_like(parameter), 0.1);
  }
  for (const auto& buffer : module.named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0.0, 0.3);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2.0);
  }
}

}  // namespace

std::vector<ModuleCase> module_cases(uint64_t seed) {
  torch::manual_seed(seed);
  std::vector<ModuleCase> cases = {
      mlp(),     cnn(),        u_net(),          depthwise(),  temporal(),
      gru(),     deep_gru(),   lstm(),           deep_lstm(),  cells(),
      encoder(), decoder(),    language_block(), embeddings(), normalizations(),
      choice(),  click_tower()};
  const torch::NoGradGuard no_gradient;
  for (const ModuleCase& each : cases) {
    draw_statistics(*each.module);
    each.module->eval();
  }
  return cases;
}

void save_script(const ModuleCase& each, const std::string& path) {
  torch::jit::Module script("m");
  const auto flat = [](std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  };
  for (const auto& entry : each.module->named_parameters()) {
    script.register_parameter(flat(entry.key()), entry.value().detach(), false);
  }
  for (const auto& entry : each.module->named_buffers()) {
    script.register_buffer(flat(entry.key()), entry.value());
  }
  script.define(each.script);
  script.save(path);
}

}  // namespace betimes::learn::testing
