/// What the shim's files share; not seen by Swift.
#ifndef CDNNL_PRIMITIVE_H
#define CDNNL_PRIMITIVE_H

#include "cdnnl.h"

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR != 2
#error "Ascribe is written for oneDNN 2 (Debian's libdnnl-dev 2.6); other versions describe operations differently"
#endif

enum { cdnnl_max_buffers = 6 };

struct cdnnl_engine {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
};

/// Describes a tensor in a layout.
dnnl_status_t cdnnl_describe(
    dnnl_memory_desc_t *result, int32_t rank, const ptrdiff_t *dims, dnnl_data_type_t type,
    enum cdnnl_layout layout);

/// Describes a float32 tensor by strides.
dnnl_status_t cdnnl_describe_strided(
    dnnl_memory_desc_t *result, int32_t rank, const ptrdiff_t *dims, const ptrdiff_t *strides);

/// Which of our layouts a description is; `cdnnl_any` for none.
enum cdnnl_layout cdnnl_layout_of(const dnnl_memory_desc_t *description);

/// Attributes that leave the scratchpad to the caller; `post_ops` may be null and stays the
/// caller's.
dnnl_status_t cdnnl_attributes_create(
    dnnl_primitive_attr_t *attributes, const_dnnl_post_ops_t post_ops);

/// Compiles a described operation whose buffers are these arguments, in this order. Takes over the
/// primitive descriptor.
dnnl_status_t cdnnl_compile(
    const cdnnl_engine_t *engine, dnnl_primitive_desc_t description, int32_t count,
    const int32_t *arguments, cdnnl_primitive_t **result);

#endif
