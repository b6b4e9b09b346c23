#include "systems/search/cbnet/train_data.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <cstdlib>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/dataset.h"
#include "betimes/learn/trace.h"
#include "systems/search/cbnet/nets.h"

namespace betimes::systems::cbnet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t parts_seed = 20240319;  // which images are held out, the same in every run

/// The pictures of <folder>/<class>/, class by class.
search::Images read_part(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<at::Tensor> images, labels;
  for (size_t label = 0; label < names.size(); ++label) {
    const auto read =
        import::load_examples((folder / names[label]).string(), "", {1, 1, side, side});
    images.push_back(learn::to_torch(read.inputs));
    labels.push_back(
        torch::full({images.back().size(0)}, static_cast<int64_t>(label), torch::kLong));
  }
  return {torch::cat(images), torch::cat(labels)};
}

search::Images rows(const search::Images& all, const at::Tensor& chosen) {
  return {all.images.index_select(0, chosen), all.labels.index_select(0, chosen)};
}

DataSet read_photographs(const fs::path& folder) {
  DataSet found{
      "CIFAR-10 in grey, 28x28",
      {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
      {}};
  const search::Images all = read_part(folder / "train", found.class_names);
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(parts_seed);
  const at::Tensor order = torch::randperm(all.size(), generator, torch::kLong);
  const int64_t held_out = all.size() / 10;
  found.parts = {rows(all, order.slice(0, held_out)), rows(all, order.slice(0, 0, held_out)),
                 read_part(folder / "test", found.class_names)};
  return found;
}

void unpack(const std::string& archive, const std::string& to) {
  if (archive.find('\'') != std::string::npos || to.find('\'') != std::string::npos) {
    throw Error(archive, "has a quote in its path", "another folder");
  }
  const std::string command = fmt::format("tar -xJf '{}' -C '{}' 2>/dev/null", archive, to);
  if (std::system(command.c_str()) != 0) {
    throw Error(archive, "can't be unpacked by tar", "the packages tar and xz-utils");
  }
}

}  // namespace

DataSet fashion(int64_t training, int64_t held_out, int64_t test) {
  return {"Fashion-MNIST",
          {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
           "ankle boot"},
          search::fashion_parts(training, held_out, test)};
}

std::optional<DataSet> grey_photographs(const std::string& data, std::string& why_not) {
  const fs::path folder = fs::path(data) / "cifar10-subset";
  if (!data.empty() && fs::is_directory(folder / "train")) return read_photographs(folder);
  const fs::path archive = folder / "images.tar.xz";
  if (data.empty() || !fs::exists(archive)) {
    why_not = "needs a folder of data with cifar10-subset/ in it: --data FOLDER";
    return std::nullopt;
  }
  const TemporaryFolder unpacked;
  unpack(archive.string(), unpacked.path().string());
  return read_photographs(unpacked.path());
}

}  // namespace betimes::systems::cbnet
