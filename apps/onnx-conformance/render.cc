#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "apps/onnx-conformance/conformance.h"

namespace betimes::conformance {
namespace {

struct Counts {
  int passed = 0;
  int failed = 0;
  int out_of_scope = 0;

  void add(Verdict verdict) {
    passed += verdict == Verdict::passed ? 1 : 0;
    failed += verdict == Verdict::failed ? 1 : 0;
    out_of_scope += verdict == Verdict::out_of_scope ? 1 : 0;
  }
  int in_scope() const { return passed + failed; }
};

using Table = std::map<std::string, Counts>;

Counts total(const std::vector<Case>& cases) {
  Counts counts;
  for (const Case& c : cases) counts.add(c.verdict);
  return counts;
}

Table by_suite(const std::vector<Case>& cases) {
  Table table;
  for (const Case& c : cases) table[c.suite].add(c.verdict);
  return table;
}

/// Cases of one node; the others stand under "several operators".
Table by_operator(const std::vector<Case>& cases) {
  Table table;
  for (const Case& c : cases) table[c.op.empty() ? "several operators" : c.op].add(c.verdict);
  return table;
}

const char* name(Verdict verdict) {
  if (verdict == Verdict::passed) return "passed";
  return verdict == Verdict::failed ? "failed" : "out of scope";
}

std::string share(const Counts& counts) {
  if (counts.in_scope() == 0) return "";
  return fmt::format("{:.1f} %", 100.0 * counts.passed / counts.in_scope());
}

nlohmann::json counts_json(const Counts& counts) {
  return {
      {"passed", counts.passed}, {"failed", counts.failed}, {"out_of_scope", counts.out_of_scope}};
}

nlohmann::json table_json(const Table& table) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, counts] : table) object[key] = counts_json(counts);
  return object;
}

std::string table_markdown(const char* title, const Table& table) {
  std::string text =
      fmt::format("| {} | passed | failed | out of scope |\n|---|---|---|---|\n", title);
  for (const auto& [key, counts] : table) {
    text += fmt::format("| {} | {} | {} | {} |\n", key, counts.passed, counts.failed,
                        counts.out_of_scope);
  }
  return text;
}

}  // namespace

std::string render_text(const std::vector<Case>& cases) {
  std::string text;
  for (const Case& c : cases) {
    if (c.verdict == Verdict::failed) {
      text += fmt::format("failed {}/{}: {}\n", c.suite, c.name, c.reason);
    }
  }
  text +=
      fmt::format("{:<32} {:>7} {:>7} {:>13}\n", "operator", "passed", "failed", "out of scope");
  for (const auto& [key, counts] : by_operator(cases)) {
    text += fmt::format("{:<32} {:>7} {:>7} {:>13}\n", key, counts.passed, counts.failed,
                        counts.out_of_scope);
  }
  const Counts all = total(cases);
  text += fmt::format("{} passed, {} failed, {} out of scope; {} of those in scope pass\n",
                      all.passed, all.failed, all.out_of_scope, share(all));
  return text;
}

std::string render_json(const std::vector<Case>& cases) {
  nlohmann::json list = nlohmann::json::array();
  for (const Case& c : cases) {
    list.push_back({{"name", c.name},
                    {"suite", c.suite},
                    {"operator", c.op},
                    {"verdict", name(c.verdict)},
                    {"reason", c.reason}});
  }
  const nlohmann::json object = {{"total", counts_json(total(cases))},
                                 {"suites", table_json(by_suite(cases))},
                                 {"operators", table_json(by_operator(cases))},
                                 {"cases", list}};
  return object.dump(2) + "\n";
}

std::string render_markdown(const std::vector<Case>& cases) {
  const Counts all = total(cases);
  return table_markdown("suite", by_suite(cases)) +
         fmt::format("\n{} of {} cases in scope pass ({}).\n\n", all.passed, all.in_scope(),
                     share(all)) +
         table_markdown("operator", by_operator(cases));
}

}  // namespace betimes::conformance
