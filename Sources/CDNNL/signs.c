#include "cdnnl.h"

#include <string.h>

#include "processors.h"

enum { lanes = 16 };

typedef float floats_t __attribute__((ext_vector_type(lanes)));
typedef int32_t integers_t __attribute__((ext_vector_type(lanes)));
typedef uint32_t patterns_t __attribute__((ext_vector_type(lanes)));
typedef uint16_t narrow_t __attribute__((ext_vector_type(lanes)));
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

FOR_EACH_PROCESSOR void cdnnl_mean_rectified_sum(
    const float *const *terms, int32_t term_count, const float *start, const float *end,
    ptrdiff_t count, float *sum) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    floats_t total, other, a, b;
    memcpy(&a, start + index, sizeof a);
    memcpy(&b, end + index, sizeof b);
    memcpy(&total, terms[0] + index, sizeof total);
    for (int32_t term = 1; term < term_count; ++term) {
      memcpy(&other, terms[term] + index, sizeof other);
      total += other;
    }
    const floats_t high = a > b ? a : b, low = a > b ? b : a;
    const floats_t share = low < 0 ? high / (high - low) : (floats_t)1;
    const floats_t result = high > 0 ? total * share : (floats_t)0;
    memcpy(sum + index, &result, sizeof result);
  }
  for (; index < count; ++index) {
    float total = terms[0][index];
    for (int32_t term = 1; term < term_count; ++term) total += terms[term][index];
    const float a = start[index], b = end[index];
    const float high = a > b ? a : b, low = a > b ? b : a;
    sum[index] = high > 0 ? total * (low < 0 ? high / (high - low) : 1) : 0;
  }
}

static inline float widened(uint16_t x) {
  const uint32_t pattern = (uint32_t)x << 16;
  float wide;
  memcpy(&wide, &pattern, sizeof wide);
  return wide;
}

static inline uint16_t narrowed(float x) {
  uint32_t pattern;
  memcpy(&pattern, &x, sizeof pattern);
  if (x != x) return (uint16_t)(pattern >> 16 | 0x40);
  return (uint16_t)((pattern + 0x7fff + (pattern >> 16 & 1)) >> 16);
}

// Macros, since a vector that a function returns depends on the instruction set.
#define WIDENED(narrow) ((floats_t)(__builtin_convertvector(narrow, patterns_t) << 16))
#define ROUNDED(pattern) ((pattern + 0x7fff + (pattern >> 16 & 1)) >> 16)

FOR_EACH_PROCESSOR void cdnnl_widen(const uint16_t *x, ptrdiff_t count, float *wide) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    narrow_t elements;
    memcpy(&elements, x + index, sizeof elements);
    const floats_t result = WIDENED(elements);
    memcpy(wide + index, &result, sizeof result);
  }
  for (; index < count; ++index) wide[index] = widened(x[index]);
}

FOR_EACH_PROCESSOR void cdnnl_narrow(const float *x, ptrdiff_t count, uint16_t *narrow) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    floats_t elements;
    memcpy(&elements, x + index, sizeof elements);
    const patterns_t pattern = (patterns_t)elements;
    const integers_t is_number = elements == elements;
    const patterns_t kept = (patterns_t)is_number & ROUNDED(pattern);
    const patterns_t quiet = ~(patterns_t)is_number & (pattern >> 16 | 0x40);
    const narrow_t result = __builtin_convertvector(kept | quiet, narrow_t);
    memcpy(narrow + index, &result, sizeof result);
  }
  for (; index < count; ++index) narrow[index] = narrowed(x[index]);
}

FOR_EACH_PROCESSOR void cdnnl_signs_narrow(const uint16_t *x, ptrdiff_t count, uint8_t *signs) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    narrow_t elements;
    memcpy(&elements, x + index, sizeof elements);
    const bits_t bits = __builtin_convertvector(WIDENED(elements) > 0, bits_t);
    memcpy(signs + index / 8, &bits, lanes / 8);
  }
  for (; index < count; ++index) {
    if (index % 8 == 0) signs[index / 8] = 0;
    signs[index / 8] |= (uint8_t)((widened(x[index]) > 0) << index % 8);
  }
}

FOR_EACH_PROCESSOR void cdnnl_masked_sum_narrow(
    const uint16_t *const *terms, int32_t term_count, const uint8_t *signs, ptrdiff_t count,
    uint16_t *sum) {
  ptrdiff_t index = 0;
  for (; index + lanes <= count; index += lanes) {
    bits_t bits;
    memcpy(&bits, signs + index / 8, lanes / 8);
    narrow_t term;
    memcpy(&term, terms[0] + index, sizeof term);
    narrow_t result = term;
    if (term_count > 1) {
      floats_t total = WIDENED(term);
      for (int32_t other = 1; other < term_count; ++other) {
        memcpy(&term, terms[other] + index, sizeof term);
        total += WIDENED(term);
      }
      const patterns_t pattern = (patterns_t)total;
      result = __builtin_convertvector(ROUNDED(pattern), narrow_t);
    }
    result &= -__builtin_convertvector(bits, narrow_t);
    memcpy(sum + index, &result, sizeof result);
  }
  for (; index < count; ++index) {
    float total = widened(terms[0][index]);
    for (int32_t other = 1; other < term_count; ++other) total += widened(terms[other][index]);
    sum[index] = signs[index / 8] >> index % 8 & 1 ? narrowed(total) : 0;
  }
}
