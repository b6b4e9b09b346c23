// LibTorch calls BLAS for its matrix products. Debian's OpenBLAS may pick a kernel far below the
// machine's and brings threads of its own; oneDNN does neither. Linked ahead of BLAS, this symbol
// takes its place.
#include <oneapi/dnnl/dnnl.h>

extern "C" void sgemm_(const char* trans_a, const char* trans_b, const int* m, const int* n,
                       const int* k, const float* alpha, const float* a, const int* lda,
                       const float* b, const int* ldb, const float* beta, float* c,
                       const int* ldc) {
  // BLAS counts columns first, dnnl_sgemm rows first: the transposed product swaps the operands.
  dnnl_sgemm(*trans_b, *trans_a, *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc);
}
