#include "primitive.h"

#include <string.h>

/// The descriptions and parameters of a convolution, in oneDNN's terms.
typedef struct {
  dnnl_memory_desc_t input, weights, output, bias;
  dnnl_dims_t strides, dilates, pads_begin, pads_end;
} parts_t;

static dnnl_status_t prepare(
    parts_t *parts, const struct cdnnl_convolution *convolution, enum cdnnl_layout input,
    enum cdnnl_layout output) {
  const int32_t rank = convolution->rank;
  const dnnl_data_type_t type = convolution->is_narrow ? dnnl_bf16 : dnnl_f32;
  const ptrdiff_t groups = convolution->groups;
  if (rank < 3 || rank > 5 || groups < 1) return dnnl_invalid_arguments;
  ptrdiff_t weights[6];
  int32_t count = 0;
  if (groups > 1) weights[count++] = groups;
  weights[count++] = convolution->output[1] / groups;
  weights[count++] = convolution->input[1] / groups;
  for (int32_t axis = 0; axis < rank - 2; ++axis) {
    weights[count++] = convolution->kernel[axis];
    parts->strides[axis] = convolution->strides[axis];
    parts->dilates[axis] = convolution->dilations[axis] - 1;
    parts->pads_begin[axis] = convolution->pads_begin[axis];
    parts->pads_end[axis] = convolution->pads_end[axis];
  }
  dnnl_status_t status = cdnnl_describe(&parts->input, rank, convolution->input, type, input);
  if (status == dnnl_success)
    status = cdnnl_describe(&parts->output, rank, convolution->output, type, output);
  if (status == dnnl_success) status = cdnnl_describe(&parts->weights, count, weights, type, cdnnl_any);
  if (status == dnnl_success)
    status = cdnnl_describe(&parts->bias, 1, &convolution->output[1], dnnl_f32, cdnnl_any);
  return status;
}

/// One way to compute a convolution.
typedef struct {
  dnnl_alg_kind_t algorithm;
  enum cdnnl_layout input, output;
  /// Whether the addend already lies in the output, instead of in a buffer of its own.
  bool adds_in_place;
} way_t;

static dnnl_status_t make_post_ops(
    dnnl_post_ops_t *post_ops, const parts_t *parts, const struct cdnnl_convolution *convolution,
    const way_t *way) {
  dnnl_status_t status = dnnl_post_ops_create(post_ops);
  if (status != dnnl_success) return status;
  if (convolution->has_addend)
    status = way->adds_in_place
                 ? dnnl_post_ops_append_sum(*post_ops, 1)
                 : dnnl_post_ops_append_binary(*post_ops, dnnl_binary_add, &parts->output);
  if (status == dnnl_success && convolution->has_relu)
    status = dnnl_post_ops_append_eltwise(*post_ops, 1, dnnl_eltwise_relu, 0, 0);
  if (status != dnnl_success) dnnl_post_ops_destroy(*post_ops);
  return status;
}

static dnnl_status_t describe_forward(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution, const way_t *way,
    dnnl_primitive_desc_t *description) {
  parts_t parts;
  dnnl_convolution_desc_t operation;
  // For inference alone Winograd's kernels want weights of their own form, four times as large, whose
  // making takes longer than what it saves in a hundred batches.
  const dnnl_prop_kind_t kind = way->algorithm == dnnl_convolution_winograd ? dnnl_forward_training
                                                                            : dnnl_forward_inference;
  dnnl_status_t status = prepare(&parts, convolution, way->input, way->output);
  if (status == dnnl_success)
    status = dnnl_dilated_convolution_forward_desc_init(
        &operation, kind, way->algorithm, &parts.input, &parts.weights,
        convolution->has_bias ? &parts.bias : NULL, &parts.output, parts.strides, parts.dilates,
        parts.pads_begin, parts.pads_end);
  if (status != dnnl_success) return status;
  dnnl_post_ops_t post_ops;
  status = make_post_ops(&post_ops, &parts, convolution, way);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_t attributes;
  status = cdnnl_attributes_create(&attributes, post_ops);
  dnnl_post_ops_destroy(post_ops);
  if (status != dnnl_success) return status;
  status =
      dnnl_primitive_desc_create(description, &operation, attributes, engine->engine, NULL);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

static dnnl_status_t describe_backward(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution, const way_t *way,
    dnnl_primitive_desc_t *description) {
  dnnl_primitive_desc_t forward;
  dnnl_status_t status = describe_forward(engine, convolution, way, &forward);
  if (status != dnnl_success) return status;
  parts_t parts;
  dnnl_convolution_desc_t operation;
  status = prepare(&parts, convolution, way->input, way->output);
  if (status == dnnl_success)
    status = dnnl_dilated_convolution_backward_data_desc_init(
        &operation, way->algorithm, &parts.input, &parts.weights, &parts.output, parts.strides,
        parts.dilates, parts.pads_begin, parts.pads_end);
  dnnl_primitive_attr_t attributes;
  if (status == dnnl_success) status = cdnnl_attributes_create(&attributes, NULL);
  if (status == dnnl_success) {
    status =
        dnnl_primitive_desc_create(description, &operation, attributes, engine->engine, forward);
    dnnl_primitive_attr_destroy(attributes);
  }
  dnnl_primitive_desc_destroy(forward);
  return status;
}

typedef dnnl_status_t (*describe_t)(
    const cdnnl_engine_t *, const struct cdnnl_convolution *, const way_t *,
    dnnl_primitive_desc_t *);

/// Blocks as wide as a vector register: the layout that the fast kernels, Winograd's among them, are
/// written for. Left to itself oneDNN prefers channels-last ones that are slower.
static enum cdnnl_layout blocked(void) {
  return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core ? cdnnl_blocked_16
                                                                  : cdnnl_blocked_8;
}

static const char *implementation(dnnl_primitive_desc_t description) {
  const char *name = "";
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name);
  return name;
}

static enum cdnnl_layout chosen(dnnl_primitive_desc_t description, int32_t argument) {
  return cdnnl_layout_of(
      dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument));
}

/// Tiles beyond which Winograd's algorithm gains nothing from more of them.
enum { enough_tiles = 1024 };

/// 4x4 tiles of output in one sample, as Winograd's algorithm cuts it; 0 if that is not for this
/// convolution, since windows are not dense or not 3x3 or channels too few.
static ptrdiff_t tiles_per_sample(const struct cdnnl_convolution *convolution) {
  if (convolution->rank != 4 || convolution->groups != 1 || convolution->is_narrow) return 0;
  if (convolution->input[1] < 16 || convolution->output[1] < 16) return 0;
  ptrdiff_t tiles = 1;
  for (int32_t axis = 0; axis < 2; ++axis) {
    if (convolution->kernel[axis] != 3 || convolution->strides[axis] != 1) return 0;
    if (convolution->dilations[axis] != 1) return 0;
    tiles *= (convolution->output[axis + 2] + 3) / 4;
  }
  return tiles;
}

/// Whether Winograd's algorithm pays, which oneDNN judges too timidly: there should be enough tiles to
/// share the larger weights.
static bool suits_winograd(const struct cdnnl_convolution *convolution) {
  return convolution->output[0] * tiles_per_sample(convolution) >= 48;
}

ptrdiff_t cdnnl_convolution_samples(const struct cdnnl_convolution *convolution) {
  const ptrdiff_t batch = convolution->output[0], tiles = tiles_per_sample(convolution);
  if (tiles == 0) return batch;
  ptrdiff_t samples = 1;
  while (samples < batch && (samples * tiles < enough_tiles || batch % samples != 0)) ++samples;
  return samples;
}

/// Whether the input has too few channels to fill blocks, as pictures have.
static bool is_picture(const struct cdnnl_convolution *convolution) {
  return convolution->input[1] <= 4 && convolution->groups == 1;
}

/// Whether a matrix product over unfolded windows gives the gradient of a picture sooner.
static bool suits_unfolding(const struct cdnnl_convolution *convolution) {
  ptrdiff_t steps = 1;
  for (int32_t axis = 0; axis < convolution->rank - 2; ++axis) steps *= convolution->strides[axis];
  return is_picture(convolution) && steps > 1;
}

/// Whether a kernel is one of oneDNN's fast ones, where the way wants blocks at all.
static bool is_fast_enough(dnnl_primitive_desc_t description, bool wants_blocks) {
  const char *name = implementation(description);
  return !wants_blocks || !strncmp(name, "jit", 3) || !strncmp(name, "brg", 3);
}

/// Replaces the description of a convolution by one that adds an addend too, if there is a kernel
/// for that: Winograd's can only add to what lies in the output already.
static dnnl_status_t describe_sum(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution, way_t *way,
    bool wants_blocks, dnnl_primitive_desc_t *description) {
  const bool prefers_output = strstr(implementation(*description), "wino");
  dnnl_primitive_desc_destroy(*description);
  for (int32_t attempt = 0; attempt < 2; ++attempt) {
    way->adds_in_place = prefers_output == (attempt == 0);
    const dnnl_status_t status = describe_forward(engine, convolution, way, description);
    if (status != dnnl_success) continue;
    if (is_fast_enough(*description, wants_blocks)) return dnnl_success;
    dnnl_primitive_desc_destroy(*description);
  }
  return dnnl_unimplemented;
}

/// Describes the first way that there is a kernel for, layouts that are ours at both ends; those
/// that are left to oneDNN are filled in.
static dnnl_status_t describe_first(
    describe_t describe, int32_t input, int32_t output, const cdnnl_engine_t *engine,
    const struct cdnnl_convolution *convolution, int32_t count, way_t *ways, way_t **found,
    dnnl_primitive_desc_t *description) {
  struct cdnnl_convolution plain = *convolution;
  plain.has_addend = false;
  dnnl_status_t status = dnnl_unimplemented;
  for (way_t *way = ways; way < ways + count; ++way) {
    status = describe(engine, &plain, way, description);
    if (status != dnnl_success) continue;
    const bool wants_blocks = way->output == blocked();
    way->input = chosen(*description, input);
    way->output = chosen(*description, output);
    const bool is_ours = way->input != cdnnl_any && way->output != cdnnl_any;
    *found = way;
    if (is_ours && is_fast_enough(*description, wants_blocks)) {
      if (!convolution->has_addend) return dnnl_success;
      status = describe_sum(engine, convolution, way, wants_blocks, description);
      if (status == dnnl_success) return status;
      continue;
    }
    dnnl_primitive_desc_destroy(*description);
    status = dnnl_unimplemented;
  }
  return status;
}

int32_t cdnnl_convolution_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive) {
  const enum cdnnl_layout input = is_picture(convolution) ? cdnnl_row_major : cdnnl_any;
  way_t ways[] = {
      {dnnl_convolution_winograd, cdnnl_any, blocked(), false},
      {dnnl_convolution_auto, input, blocked(), false},
      {dnnl_convolution_auto, cdnnl_any, cdnnl_any, false},
      {dnnl_convolution_auto, cdnnl_row_major, cdnnl_row_major, false},
  };
  const int32_t skipped = !suits_winograd(convolution);
  way_t *way;
  dnnl_primitive_desc_t description;
  const dnnl_status_t status = describe_first(
      describe_forward, DNNL_ARG_SRC, DNNL_ARG_DST, engine, convolution, 4 - skipped,
      ways + skipped, &way, &description);
  if (status != dnnl_success) return status;
  int32_t arguments[cdnnl_max_buffers] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  int32_t count = 3;
  if (convolution->has_bias) arguments[count++] = DNNL_ARG_BIAS;
  if (convolution->has_addend && !way->adds_in_place)
    arguments[count++] = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;
  return cdnnl_compile(engine, description, count, arguments, primitive);
}

int32_t cdnnl_convolution_backward_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive) {
  way_t ways[] = {
      {dnnl_convolution_winograd, cdnnl_any, blocked(), false},
      {dnnl_convolution_auto, cdnnl_any, blocked(), false},
      {dnnl_convolution_auto, cdnnl_any, cdnnl_any, false},
      {dnnl_convolution_auto, cdnnl_row_major, cdnnl_row_major, false},
  };
  const int32_t skipped =
      suits_unfolding(convolution) ? 3 : suits_winograd(convolution) ? 0 : 1;
  struct cdnnl_convolution plain = *convolution;
  plain.has_bias = plain.has_addend = plain.has_relu = false;
  way_t *way;
  dnnl_primitive_desc_t description;
  const dnnl_status_t status = describe_first(
      describe_backward, DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, engine, &plain, 4 - skipped,
      ways + skipped, &way, &description);
  if (status != dnnl_success) return status;
  return cdnnl_compile(
      engine, description, 3,
      (const int32_t[]){DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}, primitive);
}
