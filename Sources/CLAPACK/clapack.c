#include "clapack.h"

#include <cblas.h>
#include <stddef.h>

// Fortran: matrices by columns, everything by reference, the length of the string at the end.
extern void dposv_(
    const char *triangle, const int32_t *order, const int32_t *count, double *a,
    const int32_t *a_stride, double *x, const int32_t *x_stride, int32_t *status, size_t length);

void clapack_add_product(
    int32_t rows, int32_t columns, int32_t depth, double scale, const double *a, bool transposes_a,
    const double *b, bool transposes_b, double *c) {
  cblas_dgemm(
      CblasRowMajor, transposes_a ? CblasTrans : CblasNoTrans,
      transposes_b ? CblasTrans : CblasNoTrans, rows, columns, depth, scale, a,
      transposes_a ? rows : depth, b, transposes_b ? depth : columns, 1, c, columns);
}

void clapack_multiply_vector(
    int32_t rows, int32_t columns, int32_t stride, float scale, const float *a, bool transposes_a,
    const float *x, float factor, float *y) {
  cblas_sgemv(
      CblasRowMajor, transposes_a ? CblasTrans : CblasNoTrans, rows, columns, scale, a, stride, x,
      1, factor, y, 1);
}

void clapack_add_gram(int32_t order, int32_t rows, const double *a, double *c) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, order, rows, 1, a, order, 1, c, order);
}

int32_t clapack_solve(int32_t order, int32_t count, double *a, double *x) {
  int32_t status = 0;
  // The upper triangle by rows is the lower one by columns; the rows of x are its columns.
  dposv_("L", &order, &count, a, &order, x, &order, &status, 1);
  return status;
}
