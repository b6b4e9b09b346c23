#include "betimes/tensor/dtype.h"

#include <array>
#include <bit>
#include <cmath>

namespace betimes {
namespace {

constexpr std::array<std::string_view, 13> names = {
    "float32", "float64", "float16", "bfloat16", "int8",   "uint8", "int16",
    "uint16",  "int32",   "uint32",  "int64",    "uint64", "bool"};

}  // namespace

size_t size_of(DType type) {
  return visit(type, [](auto zero) { return sizeof(zero); });
}

std::string_view name(DType type) { return names[static_cast<size_t>(type)]; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<DType>(i);
  }
  return std::nullopt;
}

bool is_floating(DType type) {
  return type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
}

bool is_integer(DType type) { return !is_floating(type) && type != DType::boolean; }

float to_float(bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

bfloat16 to_bfloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  bits += 0x7fffu + ((bits >> 16) & 1u);  // round to nearest, ties to even
  return {static_cast<uint16_t>(bits >> 16)};
}

float to_float(float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

float16 to_float16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  if (std::isnan(value)) return {static_cast<uint16_t>(sign | 0x7e00u)};
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return {static_cast<uint16_t>(sign | 0x7c00u)};
  if (magnitude < 6.103515625e-05f) {  // subnormal half: a multiple of 2^-24
    return {static_cast<uint16_t>(
        sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))))};
  }
  uint32_t rounded = (bits & 0x7fffffffu);
  rounded += 0xfffu + ((rounded >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)))};
}

}  // namespace betimes
