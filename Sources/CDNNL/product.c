#include "primitive.h"

static dnnl_status_t make_post_ops(
    dnnl_post_ops_t *post_ops, const struct cdnnl_product *product) {
  dnnl_status_t status = dnnl_post_ops_create(post_ops);
  if (status != dnnl_success) return status;
  if (product->alpha != 1)
    status =
        dnnl_post_ops_append_eltwise(*post_ops, 1, dnnl_eltwise_linear, product->alpha, 0);
  if (status == dnnl_success && product->beta != 0)
    status = dnnl_post_ops_append_sum(*post_ops, product->beta);
  if (status == dnnl_success && product->has_relu)
    status = dnnl_post_ops_append_eltwise(*post_ops, 1, dnnl_eltwise_relu, 0, 0);
  if (status != dnnl_success) dnnl_post_ops_destroy(*post_ops);
  return status;
}

static dnnl_status_t describe_bias(
    dnnl_memory_desc_t *result, const struct cdnnl_product *product) {
  ptrdiff_t dims[DNNL_MAX_NDIMS];
  for (int32_t axis = 0; axis < product->rank; ++axis) dims[axis] = 1;
  dims[product->rank - 1] = product->c[product->rank - 1];
  return cdnnl_describe_strided(result, product->rank, dims, NULL);
}

int32_t cdnnl_product_create(
    const cdnnl_engine_t *engine, const struct cdnnl_product *product,
    cdnnl_primitive_t **primitive) {
  const int32_t rank = product->rank;
  if (rank < 2 || rank > DNNL_MAX_NDIMS) return dnnl_invalid_arguments;
  dnnl_memory_desc_t a, b, c, bias;
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = cdnnl_describe_strided(&a, rank, product->a, product->a_strides);
  if (status == dnnl_success)
    status = cdnnl_describe_strided(&b, rank, product->b, product->b_strides);
  if (status == dnnl_success)
    status = cdnnl_describe_strided(&c, rank, product->c, product->c_strides);
  if (status == dnnl_success) status = describe_bias(&bias, product);
  if (status == dnnl_success)
    status = dnnl_matmul_desc_init(&operation, &a, &b, product->has_bias ? &bias : NULL, &c);
  if (status != dnnl_success) return status;
  dnnl_post_ops_t post_ops;
  status = make_post_ops(&post_ops, product);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_t attributes;
  status = cdnnl_attributes_create(&attributes, post_ops);
  dnnl_post_ops_destroy(post_ops);
  if (status != dnnl_success) return status;
  dnnl_primitive_desc_t description;
  status =
      dnnl_primitive_desc_create(&description, &operation, attributes, engine->engine, NULL);
  dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) return status;
  return cdnnl_compile(
      engine, description, product->has_bias ? 4 : 3,
      (const int32_t[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS}, primitive);
}
