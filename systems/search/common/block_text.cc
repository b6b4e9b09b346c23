#include <fmt/format.h>

#include <charconv>
#include <set>

#include "betimes/base/error.h"
#include "systems/search/common/block_net.h"

namespace betimes::systems::search {
namespace {

class BlockText {
 public:
  explicit BlockText(const std::string& text) : text_(text) {}

  [[noreturn]] void refuse(const std::string& part) const {
    throw Error("block '" + text_ + "'", "has a part '" + part + "' that isn't understood",
                "r1_k3_s11_e6_i16_o24 with se0.25 or noskip");
  }

  template <class Number>
  Number number(const std::string& part, size_t prefix) const {
    Number value{};
    const char* end = part.data() + part.size();
    const auto [at, error] = std::from_chars(part.data() + prefix, end, value);
    if (error != std::errc() || at != end) refuse(part);
    return value;
  }

  std::vector<std::string> parts() const {
    std::vector<std::string> found(1);
    for (const char c : text_) {
      if (c == '_') {
        found.emplace_back();
      } else {
        found.back() += c;
      }
    }
    return found;
  }

 private:
  const std::string& text_;
};

}  // namespace

Block parse_block(const std::string& text, int& in) {
  const BlockText reader(text);
  Block block;
  std::set<std::string> seen;
  for (const std::string& part : reader.parts()) {
    const std::string kind =
        part == "noskip" ? part : part.substr(0, part.starts_with("se") ? 2 : 1);
    if (!seen.insert(kind).second) reader.refuse(part);
    if (part == "noskip") {
      block.skip = Skip::none;
    } else if (kind == "se") {
      block.squeeze = reader.number<double>(part, 2);
    } else if (kind == "r") {
      block.repeats = reader.number<int>(part, 1);
    } else if (kind == "k") {
      block.kernel = reader.number<int>(part, 1);
    } else if (kind == "s") {
      if (part != "s11" && part != "s22") reader.refuse(part);
      block.stride = part == "s22" ? 2 : 1;
    } else if (kind == "e") {
      block.expansion = reader.number<int>(part, 1);
    } else if (kind == "i") {
      in = reader.number<int>(part, 1);
    } else if (kind == "o") {
      block.width = reader.number<int>(part, 1);
    } else {
      reader.refuse(part);
    }
  }
  for (const char* needed : {"r", "k", "s", "e", "i", "o"}) {
    if (!seen.contains(needed)) {
      throw Error("block '" + text + "'", fmt::format("has no part {}", needed));
    }
  }
  return block;
}

}  // namespace betimes::systems::search
