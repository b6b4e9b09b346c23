#include "betimes/judge/task.h"

#include <cstring>

#include "betimes/base/error.h"

namespace betimes::judge {

Examples Examples::slice(int64_t first, int64_t count) const {
  if (first < 0 || count < 0 || first > size() || count > size() - first) {
    throw Error("examples", "has " + std::to_string(size()) + ", so " + std::to_string(count) +
                                " from number " + std::to_string(first) + " on can't be taken");
  }
  Examples part;
  Shape shape = inputs.shape();
  if (shape.empty()) return part;
  const size_t stride = size() ? inputs.bytes() / static_cast<size_t>(size()) : 0;
  shape[0] = count;
  part.inputs = Tensor(inputs.dtype(), shape);
  if (part.inputs.bytes() > 0) {
    std::memcpy(part.inputs.mutable_raw(), inputs.raw() + stride * static_cast<size_t>(first),
                part.inputs.bytes());
  }
  if (!labels.empty()) part.labels.assign(labels.begin() + first, labels.begin() + first + count);
  return part;
}

void check_labels(const Examples& examples, int64_t classes) {
  if (examples.labels.empty()) return;
  const auto count = static_cast<int64_t>(examples.labels.size());
  if (count != examples.size()) {
    throw Error("labels",
                "there are " + std::to_string(count) + " for " + std::to_string(examples.size()) +
                    " examples",
                "one each");
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = examples.labels[static_cast<size_t>(i)];
    if (label >= 0 && label < classes) continue;
    throw Error("labels",
                "example " + std::to_string(i) + " has class " + std::to_string(label) +
                    ", which the model's output doesn't have",
                "0 to " + std::to_string(classes - 1));
  }
}

}  // namespace betimes::judge
