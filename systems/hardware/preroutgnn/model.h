#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/circuit.h"

// What the network is made of, in numbers (PreRoutGNN, February 2024).

namespace betimes::systems::preroutgnn {

/// How a cell's delay tables are read.
enum class Reading {
  attention,  // over entries, keys are products of the axes' values
  mean,       // of the entries
  product,    // weights of rows times weights of columns, from an MLP (TimingGCN)
};
const char* name(Reading reading);
/// Throws Error that lists the names.
Reading find_reading(const std::string& name);

/// Which steps of the propagation give an increment over what they start from.
enum class Residual {
  none,       // arrivals are predicted anew at every pin
  nets,       // net steps add to the driver's arrival and slew
  all_steps,  // cell steps, too, add a delay to the arrival of the input that decides
};
const char* name(Residual residual);
Residual find_residual(const std::string& name);

struct ModelOptions {
  int64_t hidden = 32;     // of the MLPs, 8 to 512
  int64_t net_layers = 2;  // NetConv, 1 to 8
  int64_t corners = 1;     // 1: late, 2: early and late
  Residual residual = Residual::all_steps;
  Reading reading = Reading::attention;
  int64_t latent = 4;        // numbers that the auto-encoder leaves of a pin; 0: there is none
  int64_t code_layers = 4;   // of encoder and decoder each, 2 to 8
  int64_t code_hidden = 32;  // of their MLPs

  /// As published: MLPs of 128, four NetConv layers, two corners.
  static ModelOptions published();
  /// Of a pin inside the network.
  int64_t width() const { return hidden < 64 ? 32 : hidden / 2; }
  size_t columns() const { return corners == 1 ? 2 : 4; }
  size_t tables() const { return 2 * columns(); }
  bool operator==(const ModelOptions&) const = default;
};

/// Throws Error naming the option that is out of range.
void check(const ModelOptions& options);

// Widths that are the paper's.
constexpr int64_t message_width = 32;  // of sums and maxima
constexpr int64_t code_width = 32, code_message = 12;
constexpr int64_t attention_width = 32, attention_heads = 4;  // of a table's reading
constexpr double leak = 0.2;                                  // of LeakyReLU

/// Columns of Times that a model with so many corners has: late ones alone, or all.
std::vector<size_t> columns(const ModelOptions& options);
/// Tables of an Arc in the order that the model reads them: delays, then slews.
std::vector<size_t> tables(const ModelOptions& options);

/// As a file's metadata, and back. Throws Error naming `where` for what is missing or wrong.
std::map<std::string, std::string> format_options(const ModelOptions& options);
ModelOptions parse_options(const std::map<std::string, std::string>& metadata,
                           const std::string& where);

}  // namespace betimes::systems::preroutgnn
