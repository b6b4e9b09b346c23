#include "systems/hardware/help/train_meta.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/import/safetensors.h"
#include "betimes/learn/checkpoint.h"
#include "betimes/learn/optimizer.h"

namespace betimes::systems::help {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

learn::Optimizer adam(const std::vector<at::Tensor>& parameters, double rate) {
  learn::OptimizerOptions options;
  options.kind = learn::OptimizerOptions::Kind::adam;
  options.rate = rate;
  return {{learn::ParameterGroup{parameters, 1, false}}, options};
}

at::Tensor squared_error(const at::Tensor& predicted, const Batch& batch) {
  return (predicted - batch.labels).square().mean();
}

class Training {
 public:
  Training(const Tables& tables, const Method& method, const MetaOptions& options)
      : tables_(tables),
        options_(options),
        run_(fmt::format("{} {} seed {}", method.name, name(tables.space.name), options.seed)),
        source_(make_devices(tables, tables.space.source)),
        validation_(make_devices(tables, tables.space.validation)),
        model_(method, tables, options.seed),
        optimizer_(adam(model_.parameters(), options.rate)) {
    if (options.tasks < 1 || static_cast<size_t>(options.tasks) > source_.size()) {
      throw Error("tasks", fmt::format("{} of {} devices", options.tasks, source_.size()));
    }
    found_.best = model_.predictor();
  }

  MetaTrained run(const std::function<void(const Look&, const Predictor&)>& report) {
    const int first = options_.resume ? resume() : 0;
    const auto begun = Clock::now();
    double loss = 0;
    int since = 0;
    for (int episode = first + 1; episode <= options_.episodes; ++episode) {
      loss += learn_episode(episode);
      ++since;
      if (!std::isfinite(loss)) {
        throw Error(run_, fmt::format("the loss isn't finite in episode {}", episode),
                    "a lower rate");
      }
      if (episode % options_.look_every != 0 && episode != options_.episodes) continue;
      const double seconds = seconds_since(begun);
      Look look = look_at(episode);
      look.loss = loss / since;
      look.seconds = seconds_since(begun);
      look.seconds_left = seconds / (episode - first) * (options_.episodes - episode);
      report(look, found_.last);
      save(episode);
      loss = since = 0;
    }
    found_.last = model_.predictor();
    found_.seconds = seconds_since(begun);
    return std::move(found_);
  }

 private:
  double learn_episode(int episode) {
    Random random(options_.seed * 1'000'003 + static_cast<uint64_t>(episode));
    std::vector<size_t> order(source_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    random.shuffle(std::span(order));
    order.resize(static_cast<size_t>(options_.tasks));
    optimizer_.zero_grad();
    double loss = 0;
    for (const size_t which : order) loss += learn_task(source_[which], random);
    optimizer_.step();
    return loss;
  }

  double learn_task(const Device& device, Random& random) {
    const std::vector<size_t> drawn =
        draw(device.pool, options_.support + options_.query, random.bits());
    const auto split = drawn.begin() + static_cast<int64_t>(options_.support);
    const Batch support = make_batch(tables_, device, {drawn.begin(), split});
    const Batch query = make_batch(tables_, device, {split, drawn.end()});
    const at::Tensor embedding = embedding_tensor(device);
    at::Tensor noise = at::empty({model_.noise_size()});
    for (int64_t i = 0; i < noise.numel(); ++i) {
      noise.data_ptr<float>()[i] = static_cast<float>(random.normal());
    }
    const MetaModel::Begin begin = model_.begin(embedding, noise);
    const MetaModel::Weights adapted = model_.adapt(begin.weights, support, embedding,
                                                    options_.inner_steps, options_.second_order);
    at::Tensor loss =
        squared_error(model_.predict(adapted, query, embedding), query) / options_.tasks;
    const double value = loss.item<double>();
    if (begin.divergence.defined()) loss = loss + options_.divergence * begin.divergence;
    loss.backward();
    return value;
  }

  Look look_at(int episode) {
    found_.last = model_.predictor();
    Look look;
    look.episode = episode;
    look.episodes = options_.episodes;
    look.seed = options_.seed;
    look.validation = mean_spearman(found_.last, tables_, validation_, look_options(options_));
    if (found_.best_episode == 0 || look.validation > best_) {
      best_ = look.validation;
      found_.best = found_.last;
      found_.best_episode = episode;
    }
    look.best = best_;
    return look;
  }

  void save(int episode) const {
    if (options_.checkpoint.empty()) return;
    std::map<std::string, Tensor> all;
    learn::put_below("last.", format_predictor(found_.last), all);
    learn::put_below("best.", format_predictor(found_.best), all);
    learn::put_below("optimizer.", optimizer_.state(), all);
    import::write_safetensors(options_.checkpoint.string(), all,
                              {{"run", run_},
                               {"episode", std::to_string(episode)},
                               {"best_episode", std::to_string(found_.best_episode)},
                               { "best",
                                 fmt::format("{:.17g}", best_) }});
  }

  /// The episode that the checkpoint ends with; 0 where there is none.
  int resume() {
    const std::string path = options_.checkpoint.string();
    if (path.empty() || !std::filesystem::exists(path)) return 0;
    auto metadata = import::read_safetensors_metadata(path);
    if (metadata["run"] != run_) {
      throw Error(path, fmt::format("is of '{}'", metadata["run"]), run_);
    }
    const std::map<std::string, Tensor> all = import::read_safetensors(path);
    model_.load(parse_predictor(learn::below("last.", all), path));
    found_.best = parse_predictor(learn::below("best.", all), path);
    optimizer_.load_state(learn::below("optimizer.", all));
    try {
      found_.best_episode = std::stoi(metadata["best_episode"]);
      best_ = std::stod(metadata["best"]);
      return std::stoi(metadata["episode"]);
    } catch (const std::logic_error&) {
      throw Error(path, "doesn't say which episode it is of");
    }
  }

  const Tables& tables_;
  MetaOptions options_;
  std::string run_;  // whose checkpoint it is
  std::vector<Device> source_, validation_;
  MetaModel model_;
  learn::Optimizer optimizer_;
  MetaTrained found_;
  double best_ = 0;
};

/// A gradient step for each batch of the support, in a new order each epoch.
void fit_support(MetaModel& model, const Tables& tables, const Device& device,
                 const std::vector<size_t>& support, const std::vector<float>& labels,
                 uint64_t seed, const ScratchOptions& how) {
  learn::Optimizer optimizer = adam(model.weights(), how.rate);
  Random random(seed);
  std::vector<size_t> order(support.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (int epoch = 0; epoch < how.epochs; ++epoch) {
    random.shuffle(std::span(order));
    for (size_t first = 0; first < order.size(); first += how.batch) {
      const std::span<const size_t> part(order.data() + first,
                                         std::min(how.batch, order.size() - first));
      Batch batch = make_batch(tables, device, gather(support, part));
      batch.labels = at::tensor(gather(labels, part));
      optimizer.zero_grad();
      squared_error(model.predict(model.weights(), batch, {}), batch).backward();
      optimizer.step();
    }
  }
}

}  // namespace

std::string to_string(const Look& look) {
  const auto left = static_cast<int>(std::lround(look.seconds_left));
  return fmt::format(
      "episode {:5}/{}  seed {}  loss {:.5f}  validation {:.3f} (best {:.3f})  {:.1f} s, "
      "{}:{:02} left",
      look.episode, look.episodes, look.seed, look.loss, look.validation, look.best, look.seconds,
      left / 60, left % 60);
}

EvaluateOptions look_options(const MetaOptions& options) {
  EvaluateOptions found;
  found.adapt = {options.inner_steps, 2, 1};
  found.samples = options.support;
  found.supports = 2;
  found.seed = 77;  // the same supports for every seed of training
  return found;
}

MetaTrained meta_train(const Tables& tables, const Method& method, const MetaOptions& options,
                       const std::function<void(const Look&, const Predictor&)>& report) {
  return Training(tables, method, options).run(report);
}

Scored scratch(const Tables& tables, const Device& device, const EvaluateOptions& options,
               const ScratchOptions& how) {
  const Encoded held = tables.architectures.rows(device.held);
  const Answer answer = [&](const std::vector<size_t>& support, const std::vector<float>& labels,
                            uint64_t seed) {
    MetaModel model({"scratch", false, false, false}, tables, seed);
    fit_support(model, tables, device, support, labels, seed, how);
    const Predictor trained = model.predictor();
    return Answers{forward(trained.network, tables.architectures.rows(support), {}),
                   forward(trained.network, held, {})};
  };
  return evaluate(answer, device, options);
}

}  // namespace betimes::systems::help
