/// oneDNN and its OpenMP team as plain C functions, without its descriptors and unions; and the
/// maximum over windows, which oneDNN lacks in the form that is needed.
///
/// Functions that create something return a status: 0 for success, otherwise a number that
/// `cdnnl_status_message` explains. Extents and strides are arrays of `rank` (or, for the spatial
/// ones, `rank - 2`) elements. Data are float32 where nothing else is said; what is narrow is bfloat16.
#ifndef CDNNL_H
#define CDNNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The threads that one parallel region uses.
int32_t cdnnl_thread_count(void);

/// Sets the threads that parallel regions started by the calling thread use.
void cdnnl_set_thread_count(int32_t count);

/// Calls `body(context, part)` for every part below `parts`, on oneDNN's own OpenMP team.
void cdnnl_parallel(int32_t parts, void (*body)(void *context, int32_t part), void *context);

/// How the elements of a tensor of `rank` dimensions lie in memory.
enum cdnnl_layout {
  /// Left to the primitive to choose.
  cdnnl_any,
  cdnnl_row_major,
  cdnnl_channels_last,
  cdnnl_blocked_8,
  cdnnl_blocked_16,
};

/// Whether the processor multiplies bfloat16 numbers.
bool cdnnl_has_bfloat16(void);

/// oneDNN's CPU engine and a stream of it. One thread uses it at a time.
typedef struct cdnnl_engine cdnnl_engine_t;

/// A compiled primitive and the buffers that it was given last. One thread uses it at a time.
typedef struct cdnnl_primitive cdnnl_primitive_t;

/// What a status other than 0 means, in a few words.
const char *cdnnl_status_message(int32_t status);

int32_t cdnnl_engine_create(cdnnl_engine_t **engine);
void cdnnl_engine_destroy(cdnnl_engine_t *engine);

void cdnnl_primitive_destroy(cdnnl_primitive_t *primitive);

/// Bytes of scratch memory that the primitive needs while it runs.
size_t cdnnl_primitive_scratchpad_size(const cdnnl_primitive_t *primitive);

/// The buffers that the primitive reads and writes.
int32_t cdnnl_primitive_buffer_count(const cdnnl_primitive_t *primitive);

/// Bytes of the buffer at `index`.
size_t cdnnl_primitive_buffer_size(const cdnnl_primitive_t *primitive, int32_t index);

/// The layout that the primitive wants or leaves in the buffer at `index`; `cdnnl_any` if it is
/// none of ours, as for weights.
enum cdnnl_layout cdnnl_primitive_layout(const cdnnl_primitive_t *primitive, int32_t index);

/// What distinguishes the form in which the primitive wants the buffer at `index` from others:
/// `*size` bytes that live as long as the primitive.
const void *cdnnl_primitive_form(const cdnnl_primitive_t *primitive, int32_t index, size_t *size);

/// Runs the primitive. The buffers stand in the order that its creator documents.
int32_t cdnnl_primitive_execute(
    cdnnl_primitive_t *primitive, const cdnnl_engine_t *engine, void *const *buffers,
    void *scratchpad);

/// The copy of a tensor from one layout to another. Buffers: source, destination.
int32_t cdnnl_reorder_create(
    const cdnnl_engine_t *engine, int32_t rank, const ptrdiff_t *dims, bool is_narrow,
    enum cdnnl_layout source, enum cdnnl_layout destination, cdnnl_primitive_t **primitive);

/// The copy of row-major float32 weights into the form that a convolution wants in its buffer at `index`.
/// Buffers: source, destination.
int32_t cdnnl_weights_reorder_create(
    const cdnnl_engine_t *engine, const cdnnl_primitive_t *convolution, int32_t index,
    cdnnl_primitive_t **primitive);

/// A convolution of tensors of 3 to 5 dimensions.
struct cdnnl_convolution {
  int32_t rank;
  /// Batch, channels and spatial extents of the input and of the output.
  const ptrdiff_t *input, *output;
  /// Spatial extents of the weights, strides, dilations (1 is dense) and pads, each `rank - 2`.
  const ptrdiff_t *kernel, *strides, *dilations, *pads_begin, *pads_end;
  ptrdiff_t groups;
  /// Whether input, output and addend are narrow; the bias is not. Sums are float32 all the same.
  bool is_narrow;
  bool has_bias;
  /// Whether a tensor of the output's shape and layout is added.
  bool has_addend;
  /// Whether negative results become 0, after the addend.
  bool has_relu;
};

/// Samples that are best computed at a time, a divisor of the batch: Winograd's algorithm needs memory
/// for transformed tiles, more than the tensors themselves, and no more speed comes of more tiles.
ptrdiff_t cdnnl_convolution_samples(const struct cdnnl_convolution *convolution);

/// output = relu(input * weights + bias + addend). Buffers: input, weights, output, then bias and
/// addend where there are any. If the primitive has one buffer less than that, the addend must lie in
/// the output beforehand.
int32_t cdnnl_convolution_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive);

/// The gradient of a convolution with respect to its input. Buffers: gradient of the input, weights,
/// gradient of the output. Bias, addend and relu are not looked at.
int32_t cdnnl_convolution_backward_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive);

/// A product of matrices, or of stacks of them: the last two of `rank` dimensions are multiplied,
/// the leading ones agree or are 1.
struct cdnnl_product {
  int32_t rank;
  /// Extents of the factors and of the result, and elements to skip for a step along each.
  const ptrdiff_t *a, *a_strides, *b, *b_strides, *c, *c_strides;
  /// The product is multiplied by this.
  float alpha;
  /// What is already in the result is multiplied by this and added, unless it is 0.
  float beta;
  /// Whether a row of the extent of the last dimension is added to every row.
  bool has_bias;
  /// Whether negative results become 0.
  bool has_relu;
};

/// c = relu(alpha * (a b + bias) + beta * c). Buffers: a, b, c, then the bias where there is one.
int32_t cdnnl_product_create(
    const cdnnl_engine_t *engine, const struct cdnnl_product *product,
    cdnnl_primitive_t **primitive);

/// The part of a pooling window along one dimension that lies in the input.
struct cdnnl_reach {
  int32_t first, count;
};

/// The windows of a pooling over one plane of up to three dimensions.
struct cdnnl_windows {
  ptrdiff_t input[3], output[3], dilations[3];
  /// Places from one place of a window to the next along each dimension.
  ptrdiff_t steps[3];
  /// Along each dimension, the windows one by one.
  const struct cdnnl_reach *reaches[3];
};

/// The maxima over the windows of a plane whose places hold 8 or 16 channels, by PyTorch's
/// conventions, which oneDNN's pooling does not follow: a NaN wins, and a window of nothing but minus
/// infinity yields that. `choices` receives which place of the window, counted in row-major order over
/// the part in the input, has the maximum first; it may be null.
void cdnnl_maxima_8(
    const float *input, const struct cdnnl_windows *windows, float *output, int32_t *choices);
void cdnnl_maxima_16(
    const float *input, const struct cdnnl_windows *windows, float *output, int32_t *choices);

/// What a plane turns into: its elements there, and the places of its maxima.
struct cdnnl_successor {
  const float *start, *end;
  const int32_t *choices;
};

/// The gradient of a plane: each element of that of the output goes to the chosen place of its window.
/// With a successor it is the mean gradient over the straight way there: an element is shared by the
/// places that have the maximum, each for a part of the way.
void cdnnl_scatter_8(
    const int32_t *choices, const struct cdnnl_successor *successor,
    const struct cdnnl_windows *windows, const float *gradient, float *sums);
void cdnnl_scatter_16(
    const int32_t *choices, const struct cdnnl_successor *successor,
    const struct cdnnl_windows *windows, const float *gradient, float *sums);

/// Which elements are positive, a bit each, the first in the lowest bit of the first byte. Bits behind
/// the last element are zero.
void cdnnl_signs(const float *x, ptrdiff_t count, uint8_t *signs);

void cdnnl_signs_narrow(const uint16_t *x, ptrdiff_t count, uint8_t *signs);

/// The sum of the terms where the bit of an element is set, otherwise 0.
void cdnnl_masked_sum(
    const float *const *terms, int32_t term_count, const uint8_t *signs, ptrdiff_t count,
    float *sum);
void cdnnl_masked_sum_narrow(
    const uint16_t *const *terms, int32_t term_count, const uint8_t *signs, ptrdiff_t count,
    uint16_t *sum);

/// The sum of the terms times the mean slope of a rectifier whose operand moves from `start` to `end` on a
/// straight line. `sum` may be the first term.
void cdnnl_mean_rectified_sum(
    const float *const *terms, int32_t term_count, const float *start, const float *end,
    ptrdiff_t count, float *sum);

/// Numbers rounded to the nearest narrow ones, halves to the even one; and the way back.
void cdnnl_narrow(const float *x, ptrdiff_t count, uint16_t *narrow);
void cdnnl_widen(const uint16_t *x, ptrdiff_t count, float *wide);

#endif
