#include "primitive.h"

#include <stdlib.h>
#include <string.h>

struct cdnnl_primitive {
  dnnl_primitive_t primitive;
  /// The buffers and, behind them, the scratchpad.
  dnnl_exec_arg_t arguments[cdnnl_max_buffers + 1];
  int32_t count;
  size_t scratchpad_size;
};

const char *cdnnl_status_message(int32_t status) {
  switch (status) {
  case dnnl_success: return "success";
  case dnnl_out_of_memory: return "oneDNN is out of memory";
  case dnnl_invalid_arguments: return "oneDNN refuses these extents or parameters";
  case dnnl_unimplemented: return "oneDNN has no implementation for these extents or parameters";
  case dnnl_runtime_error: return "oneDNN failed while running";
  default: return "oneDNN failed";
  }
}

bool cdnnl_has_bfloat16(void) {
  const int32_t needed = dnnl_cpu_isa_avx512_core_bf16;
  return ((int32_t)dnnl_get_effective_cpu_isa() & needed) == needed;
}

int32_t cdnnl_engine_create(cdnnl_engine_t **result) {
  cdnnl_engine_t *engine = calloc(1, sizeof *engine);
  if (!engine) return dnnl_out_of_memory;
  dnnl_status_t status = dnnl_engine_create(&engine->engine, dnnl_cpu, 0);
  if (status == dnnl_success)
    status = dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags);
  if (status == dnnl_success)
    *result = engine;
  else
    cdnnl_engine_destroy(engine);
  return status;
}

void cdnnl_engine_destroy(cdnnl_engine_t *engine) {
  if (engine->stream) dnnl_stream_destroy(engine->stream);
  if (engine->engine) dnnl_engine_destroy(engine->engine);
  free(engine);
}

static dnnl_format_tag_t tag(int32_t rank, enum cdnnl_layout layout) {
  static const dnnl_format_tag_t tags[][4] = {
      {dnnl_abc, dnnl_acb, dnnl_aBc8b, dnnl_aBc16b},
      {dnnl_abcd, dnnl_acdb, dnnl_aBcd8b, dnnl_aBcd16b},
      {dnnl_abcde, dnnl_acdeb, dnnl_aBcde8b, dnnl_aBcde16b},
  };
  return tags[rank - 3][layout - cdnnl_row_major];
}

dnnl_status_t cdnnl_describe(
    dnnl_memory_desc_t *result, int32_t rank, const ptrdiff_t *dims, dnnl_data_type_t type,
    enum cdnnl_layout layout) {
  if (rank < 1 || rank > DNNL_MAX_NDIMS) return dnnl_invalid_arguments;
  dnnl_dims_t extents;
  for (int32_t axis = 0; axis < rank; ++axis) extents[axis] = dims[axis];
  if (layout == cdnnl_any)
    return dnnl_memory_desc_init_by_tag(result, rank, extents, type, dnnl_format_tag_any);
  if (rank >= 3 && rank <= 5)
    return dnnl_memory_desc_init_by_tag(result, rank, extents, type, tag(rank, layout));
  return layout == cdnnl_row_major && type == dnnl_f32 ? cdnnl_describe_strided(result, rank, dims, NULL)
                                   : dnnl_invalid_arguments;
}

dnnl_status_t cdnnl_describe_strided(
    dnnl_memory_desc_t *result, int32_t rank, const ptrdiff_t *dims, const ptrdiff_t *strides) {
  if (rank < 1 || rank > DNNL_MAX_NDIMS) return dnnl_invalid_arguments;
  dnnl_dims_t extents, steps;
  for (int32_t axis = 0; axis < rank; ++axis) {
    extents[axis] = dims[axis];
    if (strides) steps[axis] = strides[axis];
  }
  return dnnl_memory_desc_init_by_strides(
      result, rank, extents, dnnl_f32, strides ? steps : NULL);
}

enum cdnnl_layout cdnnl_layout_of(const dnnl_memory_desc_t *description) {
  if (description->ndims < 3 || description->ndims > 5) return cdnnl_any;
  for (enum cdnnl_layout layout = cdnnl_row_major; layout <= cdnnl_blocked_16; ++layout) {
    dnnl_memory_desc_t candidate;
    const dnnl_status_t status = dnnl_memory_desc_init_by_tag(
        &candidate, description->ndims, description->dims,
        description->data_type, tag(description->ndims, layout));
    if (status == dnnl_success && dnnl_memory_desc_equal(&candidate, description)) return layout;
  }
  return cdnnl_any;
}

dnnl_status_t cdnnl_attributes_create(
    dnnl_primitive_attr_t *attributes, const_dnnl_post_ops_t post_ops) {
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && post_ops)
    status = dnnl_primitive_attr_set_post_ops(*attributes, post_ops);
  if (status != dnnl_success) dnnl_primitive_attr_destroy(*attributes);
  return status;
}

static const dnnl_memory_desc_t *description_of(const cdnnl_primitive_t *primitive, int32_t index) {
  const dnnl_memory_desc_t *description = NULL;
  dnnl_memory_get_memory_desc(primitive->arguments[index].memory, &description);
  return description;
}

dnnl_status_t cdnnl_compile(
    const cdnnl_engine_t *engine, dnnl_primitive_desc_t description, int32_t count,
    const int32_t *arguments, cdnnl_primitive_t **result) {
  cdnnl_primitive_t *primitive = calloc(1, sizeof *primitive);
  dnnl_status_t status = primitive ? dnnl_success : dnnl_out_of_memory;
  for (int32_t index = 0; index <= count && status == dnnl_success; ++index) {
    const int32_t argument = index < count ? arguments[index] : DNNL_ARG_SCRATCHPAD;
    const dnnl_memory_desc_t *memory =
        dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument);
    primitive->arguments[index].arg = argument;
    primitive->count = index + 1;
    status = memory ? dnnl_memory_create(
                          &primitive->arguments[index].memory, memory, engine->engine,
                          DNNL_MEMORY_NONE)
                    : dnnl_invalid_arguments;
    if (memory && index == count) primitive->scratchpad_size = dnnl_memory_desc_get_size(memory);
  }
  if (status == dnnl_success) status = dnnl_primitive_create(&primitive->primitive, description);
  dnnl_primitive_desc_destroy(description);
  if (status == dnnl_success)
    *result = primitive;
  else if (primitive)
    cdnnl_primitive_destroy(primitive);
  return status;
}

void cdnnl_primitive_destroy(cdnnl_primitive_t *primitive) {
  for (int32_t index = 0; index < primitive->count; ++index)
    if (primitive->arguments[index].memory)
      dnnl_memory_destroy(primitive->arguments[index].memory);
  if (primitive->primitive) dnnl_primitive_destroy(primitive->primitive);
  free(primitive);
}

size_t cdnnl_primitive_scratchpad_size(const cdnnl_primitive_t *primitive) {
  return primitive->scratchpad_size;
}

int32_t cdnnl_primitive_buffer_count(const cdnnl_primitive_t *primitive) {
  return primitive->count - 1;
}

size_t cdnnl_primitive_buffer_size(const cdnnl_primitive_t *primitive, int32_t index) {
  return dnnl_memory_desc_get_size(description_of(primitive, index));
}

enum cdnnl_layout cdnnl_primitive_layout(const cdnnl_primitive_t *primitive, int32_t index) {
  return cdnnl_layout_of(description_of(primitive, index));
}

const void *cdnnl_primitive_form(const cdnnl_primitive_t *primitive, int32_t index, size_t *size) {
  *size = sizeof(dnnl_memory_desc_t);
  return description_of(primitive, index);
}

int32_t cdnnl_primitive_execute(
    cdnnl_primitive_t *primitive, const cdnnl_engine_t *engine, void *const *buffers,
    void *scratchpad) {
  for (int32_t index = 0; index < primitive->count; ++index) {
    void *buffer = index + 1 < primitive->count ? buffers[index] : scratchpad;
    const dnnl_status_t status =
        dnnl_memory_set_data_handle(primitive->arguments[index].memory, buffer);
    if (status != dnnl_success) return status;
  }
  const dnnl_status_t status = dnnl_primitive_execute(
      primitive->primitive, engine->stream, primitive->count, primitive->arguments);
  return status == dnnl_success ? dnnl_stream_wait(engine->stream) : status;
}

int32_t cdnnl_reorder_create(
    const cdnnl_engine_t *engine, int32_t rank, const ptrdiff_t *dims, bool is_narrow,
    enum cdnnl_layout source, enum cdnnl_layout destination, cdnnl_primitive_t **primitive) {
  const dnnl_data_type_t type = is_narrow ? dnnl_bf16 : dnnl_f32;
  dnnl_memory_desc_t from, to;
  dnnl_status_t status = cdnnl_describe(&from, rank, dims, type, source);
  if (status == dnnl_success) status = cdnnl_describe(&to, rank, dims, type, destination);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_t attributes;
  status = cdnnl_attributes_create(&attributes, NULL);
  if (status != dnnl_success) return status;
  dnnl_primitive_desc_t description;
  status = dnnl_reorder_primitive_desc_create(
      &description, &from, engine->engine, &to, engine->engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  return cdnnl_compile(
      engine, description, 2, (const int32_t[]){DNNL_ARG_FROM, DNNL_ARG_TO}, primitive);
}

int32_t cdnnl_weights_reorder_create(
    const cdnnl_engine_t *engine, const cdnnl_primitive_t *convolution, int32_t index,
    cdnnl_primitive_t **primitive) {
  const dnnl_memory_desc_t *to = description_of(convolution, index);
  dnnl_memory_desc_t from;
  dnnl_status_t status =
      dnnl_memory_desc_init_by_strides(&from, to->ndims, to->dims, dnnl_f32, NULL);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_t attributes;
  status = cdnnl_attributes_create(&attributes, NULL);
  if (status != dnnl_success) return status;
  dnnl_primitive_desc_t description;
  status = dnnl_reorder_primitive_desc_create(
      &description, &from, engine->engine, to, engine->engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  return cdnnl_compile(
      engine, description, 2, (const int32_t[]){DNNL_ARG_FROM, DNNL_ARG_TO}, primitive);
}
