#include "betimes/import/npy.h"

#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

constexpr std::string_view magic{"\x93NUMPY", 6};
constexpr size_t max_rank = 32;

// NumPy's codes in the order of DType, byte order left out; bfloat16 has none.
constexpr std::array<std::string_view, 13> codes = {"f4", "f8", "f2", "",   "i1", "u1", "i2",
                                                    "u2", "i4", "u4", "i8", "u8", "b1"};

/// Reads the header: a Python dictionary with the keys descr, fortran_order and shape.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::string descr;
  bool fortran = false;
  Shape shape;

  void read() {
    expect('{');
    bool seen[3] = {};
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      const size_t which = read_field(key);
      if (seen[which]) fail("gives '" + key + "' twice");
      seen[which] = true;
      if (!accept(',') && peek() != '}') fail("isn't a dictionary");
    }
    if (!seen[0] || !seen[1] || !seen[2]) fail("lacks descr, fortran_order or shape");
    if (peek() != '\0') fail("goes on after the dictionary");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(where_, "the .npy header " + what);
  }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("lacks a '") + c + "'");
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("describes a structure or isn't a dictionary");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("has an open string");
    std::string result(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return result;
  }
  bool word(std::string_view wanted) {
    peek();
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  int64_t integer() {
    peek();
    int64_t value = 0;
    const size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (at_ - begin >= 18) fail("has an extent that is too large");
      value = value * 10 + (text_[at_] - '0');
    }
    if (at_ == begin) fail("has an extent that isn't a whole number");
    return value;
  }
  void read_shape() {
    expect('(');
    while (!accept(')')) {
      if (shape.size() == max_rank) fail("has more than 32 dimensions");
      shape.push_back(integer());
      if (!accept(',') && peek() != ')') fail("has a malformed shape");
    }
  }
  size_t read_field(const std::string& key) {
    if (key == "descr") {
      descr = quoted();
      return 0;
    }
    if (key == "fortran_order") {
      fortran = word("True");
      if (!fortran && !word("False")) fail("has a fortran_order that isn't True or False");
      return 1;
    }
    if (key != "shape") fail("has an unknown field");
    read_shape();
    return 2;
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

DType type_of(const std::string& descr, const std::string& where) {
  const char order = descr.empty() ? ' ' : descr[0];
  const std::string_view code = std::string_view(descr).substr(descr.empty() ? 0 : 1);
  for (size_t i = 0; i < codes.size(); ++i) {
    if (code.empty() || codes[i] != code) continue;
    const auto type = static_cast<DType>(i);
    if (order == '<' || (order == '|' && size_of(type) == 1)) return type;
    if (order == '>') throw Error(where, "is big endian, which isn't supported", "little endian");
  }
  throw Error(where, "has elements that aren't supported", "numbers, little endian");
}

/// Copies elements that lie first index fastest to last index fastest.
void copy_fortran(const std::byte* from, const TensorType& type, std::byte* to) {
  const size_t width = size_of(type.dtype);
  const size_t rank = type.shape.size();
  std::vector<size_t> step(rank, 1);  // in elements of the source
  for (size_t i = 1; i < rank; ++i) {
    step[i] = step[i - 1] * static_cast<size_t>(type.shape[i - 1]);
  }
  std::vector<int64_t> index(rank, 0);
  const int64_t count = element_count(type.shape);
  size_t source = 0;
  for (int64_t done = 0; done < count; ++done, to += width) {
    std::memcpy(to, from + source * width, width);
    for (size_t axis = rank; axis-- > 0;) {
      source += step[axis];
      if (++index[axis] < type.shape[axis]) break;
      source -= step[axis] * static_cast<size_t>(type.shape[axis]);
      index[axis] = 0;
    }
  }
}

size_t little(std::span<const std::byte> bytes) {
  size_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<size_t>(bytes[i]);
  return value;
}

/// The header's text, and where the data begins.
std::pair<std::string_view, size_t> find_header(std::span<const std::byte> bytes,
                                                const std::string& where) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!all.starts_with(magic) || all.size() < 10) throw Error(where, "isn't an .npy file");
  const int version = static_cast<unsigned char>(all[6]);
  if (version < 1 || version > 3) {
    throw Error(where, ".npy version " + std::to_string(version) + " isn't supported", "1 to 3");
  }
  const size_t width = version == 1 ? 2 : 4;
  const size_t begin = 8 + width;
  if (bytes.size() < begin) throw Error(where, "ends within its header");
  const size_t length = little(bytes.subspan(8, width));
  if (length > bytes.size() - begin) throw Error(where, "ends within its header");
  return {all.substr(begin, length), begin + length};
}

std::string header_of(const Tensor& tensor) {
  const std::string_view code = codes[static_cast<size_t>(tensor.dtype())];
  std::string text = "{'descr': '";
  text += (size_of(tensor.dtype()) == 1 ? '|' : '<');
  text.append(code).append("', 'fortran_order': False, 'shape': (");
  for (const int64_t extent : tensor.shape()) text += std::to_string(extent) + ", ";
  if (tensor.shape().size() > 1) text.resize(text.size() - 2);
  text += "), }";
  // The data begins at a multiple of 64, as NumPy writes it.
  while ((magic.size() + 4 + text.size() + 1) % 64 != 0) text += ' ';
  return text + '\n';
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.empty()) throw Error(where, "is empty", "an .npy file");
  const auto [text, data_at] = find_header(bytes, where);
  HeaderReader header(text, where);
  header.read();
  const TensorType type{type_of(header.descr, where), header.shape};
  size_t wanted = 0;
  try {
    wanted = byte_size(type);
  } catch (const Error& error) {
    throw Error(where, error.what());
  }
  if (wanted != bytes.size() - data_at) {
    throw Error(where, "has " + std::to_string(bytes.size() - data_at) + " bytes of data",
                std::to_string(wanted) + " for " + to_string(type));
  }
  Tensor tensor(type);
  const std::byte* data = bytes.data() + data_at;
  if (header.fortran) {
    copy_fortran(data, type, tensor.mutable_raw());
  } else {
    std::memcpy(tensor.mutable_raw(), data, wanted);
  }
  if (type.dtype == DType::boolean) {  // any byte but 0 and 1 would be an invalid bool
    for (std::byte& b : std::span(tensor.mutable_raw(), wanted)) b = std::byte{b != std::byte{0}};
  }
  return tensor;
}

Tensor read_npy(const std::string& path) { return parse_npy(read_file(path), path); }

void write_npy(const Tensor& tensor, const std::string& path) {
  if (tensor.dtype() == DType::bf16) return write_npy(tensor.cast(DType::f32), path);
  const std::string header = header_of(tensor);
  std::string content(magic);
  content += {'\x01', '\x00'};
  content += static_cast<char>(header.size() & 0xff);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  content.append(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes());
  write_file(path, content);
}

}  // namespace betimes::import
