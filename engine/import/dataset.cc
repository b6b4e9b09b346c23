#include "betimes/import/dataset.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <map>

#include "betimes/base/error.h"
#include "betimes/import/csv.h"
#include "betimes/import/idx.h"
#include "betimes/import/image.h"
#include "betimes/import/npz.h"

namespace betimes::import {
namespace {

namespace fs = std::filesystem;

// More than this of prepared examples is surely a mistake in the number of examples.
constexpr size_t max_bytes = size_t{8} << 30;

std::string extension(const std::string& path) {
  std::string end = fs::path(path).extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end;
}

Tensor read_array(const std::string& path) {
  return is_numpy(path) ? read_numpy(path) : read_idx(path);
}

/// Height, width and channels that the model's input has, when it takes pictures.
struct Picture {
  int64_t height = 0, width = 0, channels = 0;
};

std::optional<Picture> picture_of(const Shape& input, Layout layout) {
  Picture picture;
  if (input.size() == 3) {
    picture = {input[1], input[2], 1};
  } else if (input.size() == 4 && layout == Layout::nchw) {
    picture = {input[2], input[3], input[1]};
  } else if (input.size() == 4) {
    picture = {input[1], input[2], input[3]};
  }
  if (picture.channels != 1 && picture.channels != 3) return std::nullopt;
  return picture;
}

/// Writes prepared examples one after the other into one tensor.
class Stack {
 public:
  Stack(int64_t count, const Shape& input, const Preprocess& how, const std::string& where)
      : picture_(picture_of(input, how.layout)), input_(input), how_(how) {
    if (input_.empty()) throw Error(where, "the model's input is a scalar", "a batch of examples");
    input_[0] = count;
    if (byte_size({DType::f32, input_}) > max_bytes) {
      throw Error(where, "makes " + to_string(TensorType{DType::f32, input_}) + ", more than 8 GiB",
                  "fewer examples");
    }
    channels_ = channel_count();
    check_count("mean", how.mean, where);
    check_count("deviation", how.deviation, where);
    for (const float d : how.deviation) {
      if (!(d > 0)) throw Error(where, "a deviation is not positive");
    }
    inputs_ = Tensor(DType::f32, input_);
    each_ = static_cast<size_t>(count ? inputs_.size() / count : 0);
  }

  const std::optional<Picture>& picture() const { return picture_; }
  size_t each() const { return each_; }
  Tensor take() { return std::move(inputs_); }

  /// A picture u8 [H, W, C] of any size.
  void put_picture(size_t index, const Tensor& image) {
    const Tensor right =
        with_channels(resize_image(image, picture_->height, picture_->width), picture_->channels);
    const auto pixels = right.data<uint8_t>();
    const auto channels = static_cast<size_t>(picture_->channels);
    const size_t plane = pixels.size() / channels;
    float* out = example(index);
    for (size_t i = 0; i < pixels.size(); ++i) {
      const size_t channel = i % channels;
      const size_t at = how_.layout == Layout::nchw ? channel * plane + i / channels : i;
      out[at] = prepared(pixels[i], channel, 1.0f / 255);
    }
  }

  /// Values in the model's order.
  void put_values(size_t index, std::span<const float> values, float default_scale) {
    float* out = example(index);
    const size_t inner = how_.layout == Layout::nchw ? each_ / channels_ : 1;
    for (size_t i = 0; i < values.size(); ++i) {
      out[i] = prepared(values[i], i / inner % channels_, default_scale);
    }
  }

 private:
  size_t channel_count() const {
    if (how_.layout == Layout::nhwc)
      return static_cast<size_t>(std::max<int64_t>(input_.back(), 1));
    return static_cast<size_t>(input_.size() > 3 ? std::max<int64_t>(input_[1], 1) : 1);
  }
  void check_count(const char* what, const std::vector<float>& values, const std::string& where) {
    if (values.size() <= 1 || values.size() == channels_) return;
    throw Error(where, std::string(what) + " has " + std::to_string(values.size()) + " values",
                "one, or one for each of " + std::to_string(channels_) + " channels");
  }
  static float pick(const std::vector<float>& values, size_t channel, float otherwise) {
    if (values.empty()) return otherwise;
    return values[values.size() == 1 ? 0 : channel];
  }
  float prepared(float value, size_t channel, float default_scale) const {
    const float scaled = value * how_.scale.value_or(default_scale);
    return (scaled - pick(how_.mean, channel, 0)) / pick(how_.deviation, channel, 1);
  }
  float* example(size_t index) { return inputs_.mutable_data<float>().data() + index * each_; }

  std::optional<Picture> picture_;
  Shape input_;
  Preprocess how_;
  size_t channels_ = 1;
  size_t each_ = 0;
  Tensor inputs_;
};

/// Which of `count` examples are kept.
std::vector<size_t> chosen(size_t count, int64_t most) {
  const size_t kept = most > 0 ? std::min(count, static_cast<size_t>(most)) : count;
  std::vector<size_t> indices(kept);
  for (size_t i = 0; i < kept; ++i) indices[i] = i * count / kept;
  return indices;
}

std::vector<std::string> picture_files(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    const std::string end = extension(entry.path().string());
    if (end == ".png" || end == ".jpg" || end == ".jpeg") {
      names.push_back(entry.path().filename().string());
    }
  }
  if (failed) throw Error(directory, "can't be listed: " + failed.message());
  if (names.empty()) throw Error(directory, "has no PNG or JPEG files");
  std::sort(names.begin(), names.end());
  return names;
}

void load_pictures(Dataset& dataset, const std::string& directory,
                   const std::vector<std::string>& names, const std::vector<size_t>& keep,
                   const Shape& input, const Preprocess& how) {
  Stack stack(static_cast<int64_t>(keep.size()), input, how, directory);
  if (!stack.picture()) {
    throw Error(directory, "holds pictures, but the model's input is " + to_string(input),
                how.layout == Layout::nchw ? "[N, 1 or 3, H, W]" : "[N, H, W, 1 or 3]");
  }
  for (size_t i = 0; i < keep.size(); ++i) {
    const std::string& name = names[keep[i]];
    stack.put_picture(i, read_image((fs::path(directory) / name).string()));
    dataset.names.push_back(name);
  }
  dataset.inputs = stack.take();
}

/// One example of a byte stack as a tensor of its own, [H, W, C].
Tensor picture_at(const Tensor& stack, size_t index) {
  Shape shape = stack.shape();
  if (shape.size() == 3) shape.push_back(1);
  shape.erase(shape.begin());
  Tensor image(DType::u8, shape);
  const std::byte* from = stack.raw() + index * image.bytes();
  std::copy_n(from, image.bytes(), image.mutable_raw());
  return image;
}

bool holds_pictures(const Tensor& stack) {
  const Shape& shape = stack.shape();
  if (stack.dtype() != DType::u8 || shape.size() < 3 || shape.size() > 4) return false;
  return shape.size() == 3 || shape[3] == 1 || shape[3] == 3;
}

/// One example of a stack as floats; refuses NaN and infinity, naming where they stand.
std::vector<float> values_at(const Tensor& stack, size_t index, size_t each,
                             const std::string& path) {
  std::vector<float> values(each);
  visit(stack.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto data = stack.data<T>().subspan(index * each, each);
    for (size_t i = 0; i < each; ++i) {
      if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
        values[i] = to_float(data[i]);
      } else {
        values[i] = static_cast<float>(data[i]);
      }
    }
  });
  for (size_t i = 0; i < each; ++i) {
    if (std::isfinite(values[i])) continue;
    throw Error(path,
                "example " + std::to_string(index) + ", element " + std::to_string(i) + " is " +
                    (std::isnan(values[i]) ? "NaN" : "infinite"),
                "finite numbers");
  }
  return values;
}

bool same_example(const Shape& a, const Shape& b) {
  return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

void load_stack(Dataset& dataset, const Tensor& stack, const std::vector<size_t>& keep,
                const Shape& input, const Preprocess& how, const std::string& path) {
  Stack target(static_cast<int64_t>(keep.size()), input, how, path);
  const bool pictures =
      target.picture() && holds_pictures(stack) && !same_example(stack.shape(), input);
  const auto each = static_cast<size_t>(stack.size() / stack.shape()[0]);
  if (!pictures && each != target.each()) {
    throw Error(path,
                "is " + to_string(stack.type()) + ", but the model's input is " + to_string(input));
  }
  const float scale = stack.dtype() == DType::u8 ? 1.0f / 255 : 1.0f;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (pictures) {
      target.put_picture(i, picture_at(stack, keep[i]));
    } else {
      target.put_values(i, values_at(stack, keep[i], each, path), scale);
    }
  }
  dataset.inputs = target.take();
}

[[noreturn]] void refuse_count(const std::string& path, size_t found, size_t wanted) {
  throw Error(path, "has " + std::to_string(found) + " labels",
              std::to_string(wanted) + ", one for each example");
}

std::vector<int64_t> labels_of_array(const std::string& path, size_t count) {
  const Tensor array = read_array(path);
  if (!is_integer(array.dtype())) {
    throw Error(path, "holds " + to_string(array.type()), "whole numbers");
  }
  if (static_cast<size_t>(array.size()) != count) {
    refuse_count(path, static_cast<size_t>(array.size()), count);
  }
  const Tensor wide = array.cast(DType::i64);
  const auto data = wide.data<int64_t>();
  for (size_t i = 0; i < data.size(); ++i) {
    if (data[i] < 0) {
      throw Error(path, "label " + std::to_string(i) + " is " + std::to_string(data[i]),
                  "a class number from 0");
    }
  }
  return {data.begin(), data.end()};
}

/// The table's labels in the order of `names`.
std::vector<int64_t> match_files(const LabelTable& table, const std::vector<std::string>& names,
                                 const std::string& path, const std::string& directory) {
  std::map<std::string, size_t> rows;
  for (size_t i = 0; i < table.files.size(); ++i) {
    const std::string& file = table.files[i];
    if (!std::binary_search(names.begin(), names.end(), file)) {
      throw Error(path + ", line " + std::to_string(table.lines[i]),
                  "names '" + file + "', which isn't in " + directory);
    }
    rows[file] = i;
  }
  std::vector<int64_t> labels;
  for (const std::string& name : names) {
    const auto row = rows.find(name);
    if (row == rows.end()) throw Error(path, "has no label for " + name);
    labels.push_back(table.labels[row->second]);
  }
  return labels;
}

/// `index,label` rows must count up: anything else means that the order isn't the data's.
void check_indices(const LabelTable& table, const std::string& path) {
  for (size_t i = 0; i < table.files.size(); ++i) {
    if (table.files[i] == std::to_string(i)) continue;
    throw Error(path + ", line " + std::to_string(table.lines[i]),
                "names '" + table.files[i] + "', but the data has no file names",
                "index " + std::to_string(i));
  }
}

/// One label for each of `count` examples; `names` is empty when they come from one file.
std::vector<int64_t> load_labels(Dataset& dataset, const std::string& path, size_t count,
                                 const std::vector<std::string>& names,
                                 const std::string& directory) {
  if (path.empty()) return {};
  if (is_numpy(path) || extension(path) != ".csv") return labels_of_array(path, count);
  LabelTable table = read_labels(path);
  dataset.classes = std::move(table.classes);
  if (!names.empty() && !table.files.empty()) return match_files(table, names, path, directory);
  if (table.labels.size() != count) refuse_count(path, table.labels.size(), count);
  check_indices(table, path);
  return table.labels;
}

void keep_labels(Dataset& dataset, const std::vector<int64_t>& all,
                 const std::vector<size_t>& keep) {
  if (all.empty()) return;
  for (const size_t i : keep) dataset.labels.push_back(all[i]);
}

}  // namespace

Dataset load_examples(const std::string& data, const std::string& labels, const Shape& input,
                      const DatasetOptions& options) {
  Dataset dataset;
  std::error_code failed;
  if (fs::is_directory(data, failed)) {
    const std::vector<std::string> names = picture_files(data);
    const auto keep = chosen(names.size(), options.max_examples);
    const auto all = load_labels(dataset, labels, names.size(), names, data);
    load_pictures(dataset, data, names, keep, input, options.preprocess);
    keep_labels(dataset, all, keep);
    return dataset;
  }
  const Tensor stack = read_array(data);
  if (stack.shape().empty() || stack.size() == 0) {
    throw Error(data, "is " + to_string(stack.type()), "a stack of examples");
  }
  const auto count = static_cast<size_t>(stack.shape()[0]);
  const auto keep = chosen(count, options.max_examples);
  const auto all = load_labels(dataset, labels, count, {}, data);
  load_stack(dataset, stack, keep, input, options.preprocess, data);
  keep_labels(dataset, all, keep);
  return dataset;
}

}  // namespace betimes::import
