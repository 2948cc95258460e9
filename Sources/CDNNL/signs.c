#include "cdnnl.h"

#include <string.h>

#include "processors.h"

enum { lanes = 16 };

typedef float floats_t __attribute__((ext_vector_type(lanes)));
typedef int32_t integers_t __attribute__((ext_vector_type(lanes)));
typedef bool bits_t __attribute__((ext_vector_type(lanes)));

FOR_EACH_PROCESSOR void cdnnl_signs(const float *x, ptrdiff_t count, uint8_t *signs) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    floats_t elements;
    memcpy(&elements, x + index, sizeof elements);
    const bits_t bits = __builtin_convertvector(elements > 0, bits_t);
    memcpy(signs + index / 8, &bits, lanes / 8);
  }
  for (; index < count; ++index) {
    if (index % 8 == 0) signs[index / 8] = 0;
    signs[index / 8] |= (uint8_t)((x[index] > 0) << index % 8);
  }
}

FOR_EACH_PROCESSOR void cdnnl_masked_sum(
    const float *const *terms, int32_t term_count, const uint8_t *signs, ptrdiff_t count,
    float *sum) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    bits_t bits;
    memcpy(&bits, signs + index / 8, lanes / 8);
    floats_t total, other;
    memcpy(&total, terms[0] + index, sizeof total);
    for (int32_t term = 1; term < term_count; ++term) {
      memcpy(&other, terms[term] + index, sizeof other);
      total += other;
    }
    const integers_t kept = -__builtin_convertvector(bits, integers_t);
    const integers_t masked = (integers_t)total & kept;
    memcpy(sum + index, &masked, sizeof masked);
  }
  for (; index < count; ++index) {
    float total = terms[0][index];
    for (int32_t term = 1; term < term_count; ++term) total += terms[term][index];
    sum[index] = signs[index / 8] >> index % 8 & 1 ? total : 0;
  }
}
