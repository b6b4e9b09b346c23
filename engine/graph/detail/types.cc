#include "betimes/graph/detail/types.h"

namespace betimes::graph::detail {

Reader reader_of(DType dtype) {
  return visit(dtype, [](auto zero) -> Reader {
    using T = decltype(zero);
    return [](const void* data, int64_t i) {
      return static_cast<double>(load(static_cast<const T*>(data)[i]));
    };
  });
}

double first_value(const Tensor& tensor) { return reader_of(tensor.dtype())(tensor.raw(), 0); }

}  // namespace betimes::graph::detail
