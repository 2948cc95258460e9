#include "cdnnl.h"

#include <math.h>

// Compiled once per instruction set; the loader takes the one that the processor has.
#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// Inlined with a constant count of lanes, so that loops over them become vector instructions.
#define INLINED static inline __attribute__((always_inline))

enum { max_lanes = 16 };

/// The maximum per lane, and which place of the window, counted in row-major order, has it first.
typedef struct {
  float value[max_lanes];
  int32_t place[max_lanes];
} best_t;

INLINED void find_best(
    int lanes, const float *input, const struct cdnnl_window *window, best_t *best) {
  for (int lane = 0; lane < lanes; ++lane) {
    best->value[lane] = -INFINITY;
    best->place[lane] = 0;
  }
  int32_t index = 0;
  for (ptrdiff_t z = 0; z < window->counts[0]; ++z)
    for (ptrdiff_t y = 0; y < window->counts[1]; ++y) {
      ptrdiff_t place = window->first + z * window->steps[0] + y * window->steps[1];
      for (ptrdiff_t x = 0; x < window->counts[2]; ++x, place += window->steps[2], ++index)
        for (int lane = 0; lane < lanes; ++lane) {
          const float other = input[place * lanes + lane];
          const bool is_better = (other > best->value[lane]) | (other != other);
          best->value[lane] = is_better ? other : best->value[lane];
          best->place[lane] = is_better ? index : best->place[lane];
        }
    }
}

INLINED void store_maximum(
    int lanes, const float *input, const struct cdnnl_window *window, float *restrict output) {
  best_t best;
  find_best(lanes, input, window, &best);
  for (int lane = 0; lane < lanes; ++lane) output[lane] = best.value[lane];
}

INLINED void scatter(
    int lanes, const float *input, const struct cdnnl_window *window,
    const float *restrict gradient, float *restrict sums) {
  best_t best;
  find_best(lanes, input, window, &best);
  int32_t index = 0;
  for (ptrdiff_t z = 0; z < window->counts[0]; ++z)
    for (ptrdiff_t y = 0; y < window->counts[1]; ++y) {
      ptrdiff_t place = window->first + z * window->steps[0] + y * window->steps[1];
      for (ptrdiff_t x = 0; x < window->counts[2]; ++x, place += window->steps[2], ++index)
        for (int lane = 0; lane < lanes; ++lane)
          sums[place * lanes + lane] += best.place[lane] == index ? gradient[lane] : 0;
    }
}

FOR_EACH_PROCESSOR void cdnnl_maximum_8(
    const float *input, const struct cdnnl_window *window, float *output) {
  store_maximum(8, input, window, output);
}

FOR_EACH_PROCESSOR void cdnnl_maximum_16(
    const float *input, const struct cdnnl_window *window, float *output) {
  store_maximum(16, input, window, output);
}

FOR_EACH_PROCESSOR void cdnnl_maximum_gradient_8(
    const float *input, const struct cdnnl_window *window, const float *gradient, float *sums) {
  scatter(8, input, window, gradient, sums);
}

FOR_EACH_PROCESSOR void cdnnl_maximum_gradient_16(
    const float *input, const struct cdnnl_window *window, const float *gradient, float *sums) {
  scatter(16, input, window, gradient, sums);
}
