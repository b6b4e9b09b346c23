#include "betimes/learn/image_dataset.h"

#include <string>

#include "betimes/base/error.h"
#include "betimes/import/idx.h"

namespace betimes::learn {
namespace {

constexpr int64_t classes = 10;

Tensor read_bytes(const std::string& path, size_t rank) {
  Tensor tensor = import::read_idx(path);
  if (tensor.dtype() != DType::u8 || tensor.shape().size() != rank || tensor.size() == 0) {
    throw Error(path, "holds " + to_string(tensor.type()), "bytes of rank " + std::to_string(rank));
  }
  return tensor;
}

/// A copy: the betimes tensor goes away with its file.
at::Tensor to_torch(const Tensor& tensor, at::IntArrayRef shape) {
  void* data = const_cast<std::byte*>(tensor.raw());
  return at::from_blob(data, shape, at::kByte).clone();
}

ImageDataset load_pair(const std::filesystem::path& folder, const std::string& prefix) {
  const std::string image_path = folder / (prefix + "-images-idx3-ubyte.gz");
  const std::string label_path = folder / (prefix + "-labels-idx1-ubyte.gz");
  const Tensor images = read_bytes(image_path, 3);
  const Tensor labels = read_bytes(label_path, 1);
  const Shape& shape = images.shape();
  if (labels.shape()[0] != shape[0]) {
    throw Error(label_path, "has " + std::to_string(labels.shape()[0]) + " labels",
                std::to_string(shape[0]) + ", one per image");
  }
  ImageDataset set{to_torch(images, {shape[0], 1, shape[1], shape[2]}),
                   to_torch(labels, {shape[0]}).to(at::kLong)};
  if (set.labels.max().item<int64_t>() >= classes) {
    throw Error(label_path, "has a label above 9");
  }
  return set;
}

ImageDataset slice(const ImageDataset& set, int64_t begin, int64_t end) {
  return {set.images.slice(0, begin, end), set.labels.slice(0, begin, end)};
}

}  // namespace

ImageSplits load_fashion_mnist(const std::filesystem::path& folder, int64_t validation_size) {
  const ImageDataset train = load_pair(folder, "train");
  const int64_t cut = train.size() - validation_size;
  if (validation_size < 0 || cut < 1) {
    throw Error("validation", "can't be " + std::to_string(validation_size) + " images",
                "fewer than the " + std::to_string(train.size()) + " training images");
  }
  return {slice(train, 0, cut), slice(train, cut, train.size()), load_pair(folder, "t10k")};
}

}  // namespace betimes::learn
