#include "systems/recommend/sdim/train_sequences.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <string_view>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::sdim {
namespace {

constexpr int64_t history_length = 64;
constexpr size_t least_items = 20;
constexpr int64_t most_lines = 10'000'000;

struct Close {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

/// Two whole numbers with one space between them.
bool parse(std::string_view line, int64_t& user, int32_t& item) {
  const char* end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, user);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return false;
  const auto second = std::from_chars(first.ptr + 1, end, item);
  return second.ec == std::errc() && second.ptr == end && item > 0 && item < 1 << 24;
}

/// Rows of one part of the data, as they are found.
struct Part {
  std::vector<int64_t> users, items, histories;
  std::vector<float> labels;

  void add(const std::vector<int64_t>& history, int64_t user, int64_t item, float label) {
    histories.insert(histories.end(), history.begin(), history.end());
    users.push_back(user);
    items.push_back(item);
    labels.push_back(label);
  }
  HistoryDataset dataset() const {
    const auto n = static_cast<int64_t>(labels.size());
    return {torch::tensor(histories).reshape({n, history_length}), at::arange(n),
            torch::tensor(users), torch::tensor(items).unsqueeze(1),
            torch::tensor(labels).unsqueeze(1)};
  }
};

std::vector<int64_t> history_before(const std::vector<int32_t>& items, size_t at) {
  std::vector<int64_t> history(history_length, 0);
  const size_t count = std::min<size_t>(at, history_length);
  std::copy(items.begin() + static_cast<int64_t>(at - count),
            items.begin() + static_cast<int64_t>(at), history.end() - static_cast<int64_t>(count));
  return history;
}

}  // namespace

Sequences read_sequences(const std::string& path) {
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
  if (!file) throw Error(path, "can't be read");
  Sequences sequences;
  std::map<int64_t, std::vector<int32_t>> users;
  char buffer[256];
  for (int64_t number = 1; gzgets(file.get(), buffer, sizeof buffer); ++number) {
    std::string_view line(buffer);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    int64_t user = 0;
    int32_t item = 0;
    if (number > most_lines || !parse(line, user, item)) {
      throw Error(path + ":" + std::to_string(number), "isn't understood",
                  "\"user item\", two whole numbers, on at most ten million lines");
    }
    users[user].push_back(item);
    sequences.items = std::max<int64_t>(sequences.items, item);
  }
  for (auto& [user, items] : users) sequences.users.push_back(std::move(items));
  if (sequences.users.empty()) throw Error(path, "has no sequences");
  return sequences;
}

NextItems next_items(const Sequences& sequences, uint64_t seed) {
  Random random(seed);
  Part training, validation, test;
  for (size_t u = 0; u < sequences.users.size(); ++u) {
    const std::vector<int32_t>& items = sequences.users[u];
    if (items.size() < least_items) continue;
    const size_t tenth = std::max<size_t>(1, items.size() / 10);
    for (size_t at = 10; at < items.size(); ++at) {
      Part& part = at >= items.size() - tenth       ? test
                   : at >= items.size() - 2 * tenth ? validation
                                                    : training;
      const std::vector<int64_t> history = history_before(items, at);
      const auto user = static_cast<int64_t>(u);
      part.add(history, user, items[at], 1);
      const auto other =
          static_cast<int64_t>(1 + random.below(static_cast<uint64_t>(sequences.items)));
      part.add(history, user, other, 0);
    }
  }
  return {training.dataset(), validation.dataset(), test.dataset()};
}

}  // namespace betimes::systems::sdim
