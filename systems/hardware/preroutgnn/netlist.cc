#include "systems/hardware/preroutgnn/netlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/verilog_lexer.h"

namespace betimes::systems::preroutgnn {
namespace {

// Of all declarations together, and of one expression.
constexpr int64_t max_bits = int64_t{1} << 20;
// What all expressions together may name: a short text can repeat a wide vector.
constexpr size_t max_named_bits = size_t{1} << 26;
constexpr int32_t constant_bit = -2;

struct Signal {
  int64_t left = 0, right = 0;
  bool vector = false;
  int32_t first = 0;  // bit of `right`; those towards `left` follow

  int64_t width() const { return (left > right ? left - right : right - left) + 1; }
};

/// Bits, the most significant first.
using Bits = std::vector<int32_t>;

class Parser {
 public:
  Parser(const std::string& text, const Library& library, const std::string& where)
      : lexer_(text, where), library_(library) {}

  Netlist parse() {
    lexer_.expect("module");
    netlist_.name = lexer_.name();
    std::vector<std::string> order;
    if (lexer_.accept("(")) {
      while (!lexer_.accept(")")) {
        if (!order.empty()) lexer_.expect(",");
        order.push_back(lexer_.name());
      }
    }
    lexer_.expect(";");
    while (!lexer_.accept("endmodule")) statement();
    if (lexer_.next().kind != VerilogToken::end)
      lexer_.fail("goes on after the module", "one module");
    return finish(order);
  }

 private:
  struct Instance {
    Netlist::Instance made;
    std::vector<int32_t> bits;
  };

  void statement() {
    if (lexer_.next().escaped) return instance();
    for (const char* kind : {"input", "output", "wire"}) {
      if (lexer_.accept(kind)) return declare(kind);
    }
    if (lexer_.accept("assign")) return assign();
    for (const char* other : {"inout", "reg", "always", "parameter", "localparam", "supply0",
                              "supply1", "initial", "generate", "module"}) {
      if (lexer_.is(other)) {
        lexer_.fail(fmt::format("has '{}'", other), "a mapped netlist of one module");
      }
    }
    instance();
  }

  int64_t integer() {
    const std::string text = lexer_.take().text;
    int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || value > max_bits) {
      lexer_.fail(fmt::format("has the index '{}'", text.substr(0, 40)), "a small number");
    }
    return value;
  }

  void declare(const std::string& kind) {
    lexer_.accept("wire");
    Signal form;
    if (lexer_.accept("[")) {
      form.vector = true;
      form.left = integer();
      lexer_.expect(":");
      form.right = integer();
      lexer_.expect("]");
    }
    do {
      const std::string name = lexer_.name();
      if (kind != "wire") ports_[name] = kind == "input";
      const auto [found, added] = signals_.try_emplace(name, form);
      if (!added) {
        if (found->second.left != form.left || found->second.right != form.right) {
          lexer_.fail(fmt::format("declares {} again, otherwise", name));
        }
        continue;
      }
      found->second.first = static_cast<int32_t>(names_.size());
      if (static_cast<int64_t>(names_.size()) + form.width() > max_bits) {
        lexer_.fail("has more than a million wires");
      }
      for (int64_t i = 0; i < form.width(); ++i) {
        const int64_t index = form.left > form.right ? form.right + i : form.right - i;
        names_.push_back(form.vector ? fmt::format("{}[{}]", name, index) : name);
        same_.push_back(static_cast<int32_t>(same_.size()));
      }
    } while (lexer_.accept(","));
    lexer_.expect(";");
  }

  int32_t bit_of(const Signal& signal, const std::string& name, int64_t index) {
    const int64_t offset = signal.left > signal.right ? index - signal.right : signal.right - index;
    if (!signal.vector || offset < 0 || offset >= signal.width()) {
      lexer_.fail(fmt::format("reads {}[{}], which isn't declared", name, index));
    }
    return signal.first + static_cast<int32_t>(offset);
  }

  Bits constant() {
    const std::string text = lexer_.take().text;
    const size_t quote = text.find('\'');
    int64_t width = 0;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + std::min(quote, text.size()), width);
    if (quote == std::string::npos || problem != std::errc() ||
        end != text.data() + static_cast<std::ptrdiff_t>(quote) || width < 1 || width > max_bits) {
      lexer_.fail(fmt::format("has the constant '{}'", text.substr(0, 40)), "one like 4'b0101");
    }
    return Bits(static_cast<size_t>(width), constant_bit);
  }

  Bits expression() {
    Bits found;
    if (lexer_.accept("{")) {
      do {
        const Bits part = primary();
        found.insert(found.end(), part.begin(), part.end());
        if (found.size() > static_cast<size_t>(max_bits)) {
          lexer_.fail("joins more than a million wires");
        }
      } while (lexer_.accept(","));
      lexer_.expect("}");
      return found;
    }
    return primary();
  }

  Bits primary() {
    Bits found = bits();
    named_ += found.size();
    if (named_ > max_named_bits) lexer_.fail("names more wires than any design that is read here");
    return found;
  }

  Bits bits() {
    if (lexer_.next().kind == VerilogToken::number) return constant();
    const std::string name = lexer_.name();
    const auto known = signals_.find(name);
    if (known == signals_.end()) lexer_.fail(fmt::format("reads {}, which isn't declared", name));
    const Signal& signal = known->second;
    Bits found;
    if (lexer_.accept("[")) {
      const int64_t left = integer(), right = lexer_.accept(":") ? integer() : left;
      lexer_.expect("]");
      const int64_t step = left > right ? -1 : 1;
      for (int64_t i = left;; i += step) {
        found.push_back(bit_of(signal, name, i));
        if (i == right) return found;
      }
    }
    for (int64_t i = signal.width(); i-- > 0;) {
      found.push_back(signal.first + static_cast<int32_t>(i));
    }
    return found;
  }

  int32_t root(int32_t bit) {
    while (same_[static_cast<size_t>(bit)] >= 0 && same_[static_cast<size_t>(bit)] != bit) {
      int32_t& up = same_[static_cast<size_t>(bit)];
      if (same_[static_cast<size_t>(up)] >= 0) up = same_[static_cast<size_t>(up)];
      bit = up;
    }
    return bit;
  }

  void assign() {
    const Bits to = expression();
    lexer_.expect("=");
    const Bits from = expression();
    lexer_.expect(";");
    if (to.size() != from.size()) {
      lexer_.fail(fmt::format("assigns {} bits to {}", from.size(), to.size()));
    }
    for (size_t i = 0; i < to.size(); ++i) {
      if (to[i] < 0) lexer_.fail("assigns to a constant");
      const int32_t a = root(to[i]);
      if (from[i] < 0) {
        same_[static_cast<size_t>(a)] = constant_bit;
        continue;
      }
      const int32_t b = root(from[i]);
      if (a == b) continue;
      // A root that is a constant makes all that is joined with it one.
      if (same_[static_cast<size_t>(a)] == constant_bit) {
        same_[static_cast<size_t>(b)] = constant_bit;
      } else {
        same_[static_cast<size_t>(a)] = b;
      }
    }
  }

  void instance() {
    const std::string type = lexer_.name();
    const auto known = cells_.find(type);
    const int cell = known != cells_.end() ? known->second : library_.find(type);
    if (cell < 0) lexer_.fail(fmt::format("uses the cell {}, which {} lacks", type, library_.name));
    cells_[type] = cell;
    const LibraryCell& form = library_.cells[static_cast<size_t>(cell)];
    Instance found;
    found.made.name = lexer_.name();
    found.made.cell = cell;
    found.bits.assign(form.pins.size(), Netlist::open);
    std::vector<bool> seen(form.pins.size(), false);
    lexer_.expect("(");
    for (bool first = true; !lexer_.accept(")"); first = false) {
      if (!first) lexer_.expect(",");
      lexer_.expect(".");
      const std::string name = lexer_.name();
      const int pin = form.find_pin(name);
      if (pin < 0) lexer_.fail(fmt::format("{} has no pin {}", type, name));
      if (seen[static_cast<size_t>(pin)]) {
        lexer_.fail(fmt::format("{}/{} is connected twice", found.made.name, name));
      }
      seen[static_cast<size_t>(pin)] = true;
      lexer_.expect("(");
      if (lexer_.accept(")")) continue;
      const Bits bits = expression();
      if (bits.size() != 1) {
        lexer_.fail(fmt::format("{}/{} gets {} bits", found.made.name, name, bits.size()), "one");
      }
      found.bits[static_cast<size_t>(pin)] = bits[0];
      lexer_.expect(")");
    }
    lexer_.expect(";");
    instances_.push_back(std::move(found));
  }

  /// Index of the net of a bit.
  int32_t net(int32_t bit) {
    if (bit < 0) return bit;
    const int32_t at = root(bit);
    if (same_[static_cast<size_t>(at)] == constant_bit) return Netlist::constant;
    const auto [found, added] = nets_.try_emplace(at, static_cast<int32_t>(netlist_.nets.size()));
    if (added) netlist_.nets.push_back(names_[static_cast<size_t>(at)]);
    return found->second;
  }

  Netlist finish(const std::vector<std::string>& order) {
    if (order.size() != ports_.size()) {
      lexer_.fail(fmt::format("declares {} ports but lists {}", ports_.size(), order.size()));
    }
    for (const std::string& name : order) {
      const auto port = ports_.find(name);
      if (port == ports_.end()) lexer_.fail(fmt::format("doesn't declare the port {}", name));
      const Signal& signal = signals_.at(name);
      for (int64_t i = 0; i < signal.width(); ++i) {
        const int32_t bit = signal.first + static_cast<int32_t>(i);
        netlist_.ports.push_back({names_[static_cast<size_t>(bit)], port->second, net(bit)});
      }
    }
    for (Instance& one : instances_) {
      for (const int32_t bit : one.bits) one.made.nets.push_back(net(bit));
      netlist_.instances.push_back(std::move(one.made));
    }
    return std::move(netlist_);
  }

  VerilogLexer lexer_;
  const Library& library_;
  std::unordered_map<std::string, Signal> signals_;
  std::unordered_map<std::string, bool> ports_;  // whether an input
  std::unordered_map<std::string, int> cells_;
  std::vector<std::string> names_;  // by bit
  size_t named_ = 0;                // bits in all expressions so far
  std::vector<int32_t> same_;       // by bit: one that it is the same as, or constant_bit
  std::vector<Instance> instances_;
  std::unordered_map<int32_t, int32_t> nets_;  // by root
  Netlist netlist_;
};

static_assert(constant_bit == Netlist::constant);

}  // namespace

Netlist parse_netlist(const std::string& text, const Library& library, const std::string& where) {
  return Parser(text, library, where).parse();
}

}  // namespace betimes::systems::preroutgnn
