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
  dnnl_status_t status = cdnnl_describe(&parts->input, rank, convolution->input, input);
  if (status == dnnl_success)
    status = cdnnl_describe(&parts->output, rank, convolution->output, output);
  if (status == dnnl_success) status = cdnnl_describe(&parts->weights, count, weights, cdnnl_any);
  if (status == dnnl_success)
    status = cdnnl_describe(&parts->bias, 1, &convolution->output[1], cdnnl_any);
  return status;
}

static dnnl_status_t make_post_ops(
    dnnl_post_ops_t *post_ops, const parts_t *parts, const struct cdnnl_convolution *convolution) {
  dnnl_status_t status = dnnl_post_ops_create(post_ops);
  if (status != dnnl_success) return status;
  if (convolution->has_addend)
    status = dnnl_post_ops_append_binary(*post_ops, dnnl_binary_add, &parts->output);
  if (status == dnnl_success && convolution->has_relu)
    status = dnnl_post_ops_append_eltwise(*post_ops, 1, dnnl_eltwise_relu, 0, 0);
  if (status != dnnl_success) dnnl_post_ops_destroy(*post_ops);
  return status;
}

static dnnl_status_t describe_forward(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    enum cdnnl_layout input, enum cdnnl_layout output, dnnl_primitive_desc_t *description) {
  parts_t parts;
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = prepare(&parts, convolution, input, output);
  if (status == dnnl_success)
    status = dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_auto, &parts.input, &parts.weights,
        convolution->has_bias ? &parts.bias : NULL, &parts.output, parts.strides, parts.dilates,
        parts.pads_begin, parts.pads_end);
  if (status != dnnl_success) return status;
  dnnl_post_ops_t post_ops;
  status = make_post_ops(&post_ops, &parts, convolution);
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
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    enum cdnnl_layout input, enum cdnnl_layout output, dnnl_primitive_desc_t *description) {
  dnnl_primitive_desc_t forward;
  struct cdnnl_convolution plain = *convolution;
  plain.has_bias = plain.has_addend = plain.has_relu = false;
  dnnl_status_t status = describe_forward(engine, &plain, input, output, &forward);
  if (status != dnnl_success) return status;
  parts_t parts;
  dnnl_convolution_desc_t operation;
  status = prepare(&parts, convolution, input, output);
  if (status == dnnl_success)
    status = dnnl_dilated_convolution_backward_data_desc_init(
        &operation, dnnl_convolution_auto, &parts.input, &parts.weights, &parts.output,
        parts.strides, parts.dilates, parts.pads_begin, parts.pads_end);
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
    const cdnnl_engine_t *, const struct cdnnl_convolution *, enum cdnnl_layout,
    enum cdnnl_layout, dnnl_primitive_desc_t *);

static enum cdnnl_layout chosen(dnnl_primitive_desc_t description, int32_t argument) {
  return cdnnl_layout_of(
      dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument));
}

/// Blocks as wide as a vector register: the layout that the fast kernels, Winograd's among them, are
/// written for. Left to itself oneDNN prefers channels-last ones that are slower.
static enum cdnnl_layout preferred_output(void) {
  return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core ? cdnnl_blocked_16
                                                                  : cdnnl_blocked_8;
}

static bool is_fast(dnnl_primitive_desc_t description) {
  const char *name = "";
  dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name);
  return !strncmp(name, "jit", 3);
}

/// Describes with blocked channels if there is a fast kernel for them, otherwise as oneDNN prefers,
/// otherwise row-major. Both layouts of the result are ours.
static dnnl_status_t describe_preferred(
    describe_t describe, int32_t input, int32_t output, const cdnnl_engine_t *engine,
    const struct cdnnl_convolution *convolution, dnnl_primitive_desc_t *description) {
  struct cdnnl_convolution plain = *convolution;
  plain.has_addend = false;
  const enum cdnnl_layout outputs[] = {preferred_output(), cdnnl_any};
  enum cdnnl_layout source = cdnnl_row_major, target = cdnnl_row_major;
  for (int32_t attempt = 0; attempt < 2; ++attempt) {
    if (describe(engine, &plain, cdnnl_any, outputs[attempt], description) != dnnl_success)
      continue;
    const enum cdnnl_layout from = chosen(*description, input), to = chosen(*description, output);
    const bool accepted =
        from != cdnnl_any && to != cdnnl_any && (attempt > 0 || is_fast(*description));
    if (accepted && !convolution->has_addend) return dnnl_success;
    dnnl_primitive_desc_destroy(*description);
    if (!accepted) continue;
    source = from;
    target = to;
    break;
  }
  return describe(engine, convolution, source, target, description);
}

int32_t cdnnl_convolution_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive) {
  dnnl_primitive_desc_t description;
  const dnnl_status_t status = describe_preferred(
      describe_forward, DNNL_ARG_SRC, DNNL_ARG_DST, engine, convolution, &description);
  if (status != dnnl_success) return status;
  int32_t arguments[cdnnl_max_buffers] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  int32_t count = 3;
  if (convolution->has_bias) arguments[count++] = DNNL_ARG_BIAS;
  if (convolution->has_addend)
    arguments[count++] = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;
  return cdnnl_compile(engine, description, count, arguments, primitive);
}

int32_t cdnnl_convolution_backward_create(
    const cdnnl_engine_t *engine, const struct cdnnl_convolution *convolution,
    cdnnl_primitive_t **primitive) {
  struct cdnnl_convolution plain = *convolution;
  plain.has_bias = plain.has_addend = plain.has_relu = false;
  dnnl_primitive_desc_t description;
  const dnnl_status_t status = describe_preferred(
      describe_backward, DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, engine, &plain, &description);
  if (status != dnnl_success) return status;
  return cdnnl_compile(
      engine, description, 3,
      (const int32_t[]){DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}, primitive);
}
