#include "betimes/cost/kernel_time.h"

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/cost/detail/json_number.h"
#include "betimes/cost/detail/kernel_json.h"

namespace betimes::cost {
namespace {

using Json = nlohmann::ordered_json;
using Parsed = nlohmann::json;

constexpr size_t max_kernels = 100'000;
constexpr size_t max_text = 200;
constexpr double largest = 1e15, least_ms = 1e-9;

/// The columns between "kind" and "bits".
struct Column {
  const char* name;
  double KernelWork::*member;
};
constexpr Column numbers[] = {{"macs", &KernelWork::macs},
                              {"bytes", &KernelWork::bytes},
                              {"read", &KernelWork::read},
                              {"weights", &KernelWork::weights},
                              {"written", &KernelWork::written},
                              {"rows", &KernelWork::rows},
                              {"inner", &KernelWork::inner},
                              {"columns", &KernelWork::columns},
                              {"groups", &KernelWork::groups},
                              {"channels", &KernelWork::channels},
                              {"context", &KernelWork::context},
                              {"taps", &KernelWork::taps},
                              {"stride", &KernelWork::stride},
                              {"steps", &KernelWork::steps},
                              {"functions", &KernelWork::functions},
                              {"exponentials", &KernelWork::exponentials},
                              {"dilation", &KernelWork::dilation},
                              {"width", &KernelWork::width},
                              {"run", &KernelWork::run},
                              {"divisions", &KernelWork::divisions},
                              {"broadcasts", &KernelWork::broadcasts},
                              {"inside", &KernelWork::inside}};
constexpr size_t first_number = 3;
/// The columns from "dilation" on came later. Tables without them are read, too, as of kernels
/// without such properties, which those that have them then pass for.
constexpr size_t least_numbers = 16;

Json column_names(size_t count) {
  Json names = {"op", "kernel", "kind"};
  for (size_t i = 0; i < count; ++i) names.push_back(numbers[i].name);
  for (const char* last : {"bits", "reference", "ms"}) names.push_back(last);
  return names;
}

std::string text(const Parsed& cell, const std::string& where) {
  if (!cell.is_string() || cell.get_ref<const std::string&>().size() > max_text) {
    throw Error(where, "has " + detail::shown(cell), "a short text");
  }
  return cell.get<std::string>();
}

double number(const Parsed& cell, const std::string& where, const char* column) {
  const double value = cell.is_number() ? cell.get<double>() : -1;
  if (!(value >= 0 && value <= largest)) {
    throw Error(where, std::string(column) + " is " + detail::shown(cell), "a number of 0 or more");
  }
  return value;
}

KernelKind kind(const std::string& text, const std::string& where) {
  for (size_t i = 0; i < kernel_kinds; ++i) {
    if (name(static_cast<KernelKind>(i)) == text) return static_cast<KernelKind>(i);
  }
  throw Error(where, "is of a kind '" + text + "'", "one that this program knows");
}

/// With the first `count` of the numbers.
KernelTime parse_row(const Parsed& row, size_t count, const std::string& where) {
  const size_t cells = first_number + count + 3;
  if (!row.is_array() || row.size() != cells) {
    throw Error(where, "isn't a list of " + std::to_string(cells) + " cells");
  }
  KernelTime found;
  found.op = text(row[0], where);
  found.kernel = text(row[1], where);
  found.work.kind = kind(text(row[2], where), where);
  size_t at = first_number;
  for (size_t i = 0; i < count; ++i) {
    found.work.*numbers[i].member = number(row[at++], where, numbers[i].name);
  }
  const std::optional<int64_t> bits = detail::whole_number(row[at++], 1, 64);
  if (!bits) throw Error(where, "has no number of bits", "1 to 64");
  found.work.bits = static_cast<int>(*bits);
  if (!row[at].is_boolean()) throw Error(where, "reference isn't true or false");
  found.work.reference = row[at++].get<bool>();
  found.ms = number(row[at], where, "ms");
  if (found.ms < least_ms) throw Error(where, "takes no time", "ms of more than 0");
  return found;
}

}  // namespace

namespace detail {

Json kernels_json(const std::vector<KernelTime>& kernels) {
  Json rows = Json::array();
  for (const KernelTime& each : kernels) {
    Json row = {each.op, each.kernel, name(each.work.kind)};
    for (const Column& column : numbers) row.push_back(each.work.*column.member);
    row.push_back(each.work.bits);
    row.push_back(each.work.reference);
    row.push_back(each.ms);
    rows.push_back(std::move(row));
  }
  return {{"columns", column_names(std::size(numbers))}, {"rows", std::move(rows)}};
}

std::vector<KernelTime> kernels_of(const Parsed& json, const std::string& where) {
  if (!json.is_object() || !json.contains("columns") || !json.contains("rows")) {
    throw Error(where, "isn't a table", "an object of columns and rows");
  }
  size_t count = std::size(numbers);
  while (count > least_numbers && json["columns"] != Parsed(column_names(count))) --count;
  if (json["columns"] != Parsed(column_names(count))) {
    throw Error(where, "has other columns", column_names(count).dump());
  }
  const Parsed& rows = json["rows"];
  if (!rows.is_array() || rows.size() > max_kernels) {
    throw Error(where, "rows isn't a list", "at most " + std::to_string(max_kernels) + " rows");
  }
  std::vector<KernelTime> kernels;
  for (const Parsed& row : rows) {
    kernels.push_back(parse_row(row, count, where + ", row " + std::to_string(kernels.size() + 1)));
  }
  return kernels;
}

}  // namespace detail

std::string format_kernels(const std::vector<KernelTime>& kernels) {
  return detail::kernels_json(kernels).dump();
}

std::vector<KernelTime> parse_kernels(const std::string& json, const std::string& where) {
  const Parsed parsed = Parsed::parse(json, nullptr, false);
  if (parsed.is_discarded()) throw Error(where, "isn't JSON");
  return detail::kernels_of(parsed, where);
}

}  // namespace betimes::cost
