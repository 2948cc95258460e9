// Dense matrices in row-major order, for Swift: the operations of BLAS and LAPACK that calibration
// needs, in doubles, and the product of a float matrix and one vector. <https://netlib.org/lapack/>. Threads are those of OpenMP.
#ifndef CLAPACK_H
#define CLAPACK_H

#include <stdbool.h>
#include <stdint.h>

// c += scale a' b', where a' (rows x depth) and b' (depth x columns) are the matrices or their
// transposes.
void clapack_add_product(
    int32_t rows, int32_t columns, int32_t depth, double scale, const double *a, bool transposes_a,
    const double *b, bool transposes_b, double *c);

// y = scale a' x + factor y, where a' is the matrix a (rows x columns, a row `stride` elements behind the
// one before) or its transpose.
void clapack_multiply_vector(
    int32_t rows, int32_t columns, int32_t stride, float scale, const float *a, bool transposes_a,
    const float *x, float factor, float *y);

// The upper triangle of c (order x order) += that of a^T a, where a is rows x order.
void clapack_add_gram(int32_t order, int32_t rows, const double *a, double *c);

// Replaces each of the `count` rows of x (count x order) by the solution of a y = that row. Reads the
// upper triangle of the symmetric a (order x order) and overwrites a by its Cholesky factor.
//
// Returns 0, or the order of the first leading minor of a that is not positive.
int32_t clapack_solve(int32_t order, int32_t count, double *a, double *x);

#endif
