#include "apps/betimes-import/input.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "betimes/base/error.h"

namespace betimes::import_cli {
namespace {

constexpr const char* form =
    "[name:]shape[:type[:low..high]], as Nx3x224x224 or items:Nx20:int64:0..999";
constexpr int64_t most_elements = int64_t{1} << 31;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

template <class T>
std::optional<T> number(const std::string& text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Nothing where the text is no shape.
std::optional<std::vector<int64_t>> shape_of(const std::string& text) {
  std::vector<int64_t> shape;
  for (const std::string& part : split(text, 'x')) {
    const auto extent = part == "N" ? std::optional<int64_t>(-1) : number<int64_t>(part);
    if (!extent || (part != "N" && *extent < 1)) return std::nullopt;
    shape.push_back(*extent);
  }
  return shape;
}

at::ScalarType type_of(const std::string& name, const std::string& text) {
  static const std::map<std::string, at::ScalarType> types = {
      {"float32", at::kFloat}, {"float64", at::kDouble}, {"int64", at::kLong}, {"int32", at::kInt},
      {"uint8", at::kByte},    {"int8", at::kChar},      {"bool", at::kBool}};
  const auto found = types.find(name);
  if (found == types.end()) {
    throw Error("--input " + text, "has the type '" + name + "'",
                "bool, float32, float64, int8, int32, int64 or uint8");
  }
  return found->second;
}

void read_range(const std::string& range, const std::string& text, Input& input) {
  const size_t dots = range.find("..");
  const auto low = number<double>(range.substr(0, dots));
  const auto high =
      dots == std::string::npos ? std::nullopt : number<double>(range.substr(dots + 2));
  if (!low || !high || *low > *high) throw Error("--input " + text, "has no range", form);
  input.low = *low;
  input.high = *high;
  input.normal = false;
}

}  // namespace

int64_t Input::batch_axis() const {
  const auto at = std::find(shape.begin(), shape.end(), -1);
  return at == shape.end() ? -1 : at - shape.begin();
}

at::Tensor Input::draw(int64_t batch) const {
  std::vector<int64_t> extents = shape;
  if (const int64_t axis = batch_axis(); axis >= 0) extents[static_cast<size_t>(axis)] = batch;
  if (at::isFloatingType(type)) {
    const at::Tensor values = normal ? at::randn(extents) : at::rand(extents) * (high - low) + low;
    return values.to(type);
  }
  const auto from = static_cast<int64_t>(low), to = static_cast<int64_t>(high);
  return at::randint(from, to + 1, extents, at::kLong).to(type);
}

Input parse_input(const std::string& text) {
  std::vector<std::string> parts = split(text, ':');
  Input input;
  if (!shape_of(parts[0])) {  // then it is a name
    input.name = parts[0];
    parts.erase(parts.begin());
  }
  const auto shape = parts.empty() ? std::nullopt : shape_of(parts[0]);
  if (!shape || parts.size() > 3 || (input.name.empty() && !shape_of(split(text, ':')[0]))) {
    throw Error("--input " + text, "has no shape", form);
  }
  input.shape = *shape;
  if (std::count(shape->begin(), shape->end(), -1) > 1) {
    throw Error("--input " + text, "has the batch N on several axes", form);
  }
  int64_t elements = 1;
  for (const int64_t extent : *shape) {
    if (std::abs(extent) > most_elements / elements) {
      throw Error("--input " + text, "is too large", "at most 2^31 elements");
    }
    elements *= std::abs(extent);
  }
  if (parts.size() > 1) input.type = type_of(parts[1], text);
  if (parts.size() > 2) read_range(parts[2], text, input);
  return input;
}

}  // namespace betimes::import_cli
