#include "cdnnl.h"

#include <math.h>
#include <string.h>

#include "processors.h"

// Inlined with a constant count of lanes, so that loops over them become vector instructions.
#define INLINED static inline __attribute__((always_inline))

enum { max_lanes = 16 };

INLINED void store_maximum(
    int lanes, const float *input, const struct cdnnl_reach *window, const ptrdiff_t *steps,
    float *restrict output, int32_t *restrict choices) {
  float best[max_lanes];
  int32_t chosen[max_lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    best[lane] = -INFINITY;
    chosen[lane] = 0;
  }
  int32_t index = 0;
  for (int32_t z = 0; z < window[0].count; ++z)
    for (int32_t y = 0; y < window[1].count; ++y) {
      const float *place = input + (z * steps[0] + y * steps[1]) * lanes;
      for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
        for (int lane = 0; lane < lanes; ++lane) {
          const float other = place[lane];
          const bool is_better = (other > best[lane]) | (other != other);
          best[lane] = is_better ? other : best[lane];
          chosen[lane] = is_better ? index : chosen[lane];
        }
    }
  for (int lane = 0; lane < lanes; ++lane) output[lane] = best[lane];
  if (choices)
    for (int lane = 0; lane < lanes; ++lane) choices[lane] = chosen[lane];
}

INLINED void scatter(
    int lanes, const int32_t *restrict choices, const struct cdnnl_reach *window,
    const ptrdiff_t *steps, const float *restrict gradient, float *restrict sums) {
  int32_t index = 0;
  for (int32_t z = 0; z < window[0].count; ++z)
    for (int32_t y = 0; y < window[1].count; ++y) {
      float *place = sums + (z * steps[0] + y * steps[1]) * lanes;
      for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
        for (int lane = 0; lane < lanes; ++lane)
          place[lane] += choices[lane] == index ? gradient[lane] : 0;
    }
}

INLINED void scatter_means(
    int lanes, const int32_t *restrict choices, const int32_t *restrict next,
    const struct cdnnl_reach *window, const ptrdiff_t *steps, const float *restrict start,
    const float *restrict end, const float *restrict gradient, float *restrict sums) {
  // By how much the maximum of the one end leads that of the other, at both ends.
  float lead[max_lanes], lag[max_lanes], there[max_lanes];
  for (int lane = 0; lane < lanes; ++lane) lead[lane] = lag[lane] = 0;
  int32_t index = 0;
  for (int32_t z = 0; z < window[0].count; ++z)
    for (int32_t y = 0; y < window[1].count; ++y) {
      ptrdiff_t place = (z * steps[0] + y * steps[1]) * lanes;
      for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
        for (int lane = 0; lane < lanes; ++lane) {
          const float sign = (choices[lane] == index) - (next[lane] == index);
          lead[lane] += sign != 0 ? sign * start[place + lane] : 0;
          lag[lane] -= sign != 0 ? sign * end[place + lane] : 0;
        }
    }
  for (int lane = 0; lane < lanes; ++lane) {
    const float both = lead[lane] + lag[lane];
    const float here = gradient[lane] * (both > 0 ? lead[lane] / both : 0.5f);
    there[lane] = gradient[lane] - here;
    lead[lane] = here;
  }
  index = 0;
  for (int32_t z = 0; z < window[0].count; ++z)
    for (int32_t y = 0; y < window[1].count; ++y) {
      float *place = sums + (z * steps[0] + y * steps[1]) * lanes;
      for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
        for (int lane = 0; lane < lanes; ++lane) {
          place[lane] += choices[lane] == index ? lead[lane] : 0;
          place[lane] += next[lane] == index ? there[lane] : 0;
        }
    }
}

INLINED void store_maxima(
    int lanes, const float *input, const struct cdnnl_windows *windows, float *output,
    int32_t *choices) {
  for (ptrdiff_t z = 0; z < windows->output[0]; ++z)
    for (ptrdiff_t y = 0; y < windows->output[1]; ++y)
      for (ptrdiff_t x = 0; x < windows->output[2]; ++x) {
        const struct cdnnl_reach window[] = {
            windows->reaches[0][z], windows->reaches[1][y], windows->reaches[2][x]};
        const ptrdiff_t first =
            (window[0].first * windows->input[1] + window[1].first) * windows->input[2] +
            window[2].first;
        store_maximum(lanes, input + first * lanes, window, windows->steps, output, choices);
        output += lanes;
        if (choices) choices += lanes;
      }
}

INLINED void scatter_gradient(
    int lanes, const int32_t *choices, const struct cdnnl_successor *successor,
    const struct cdnnl_windows *windows, const float *gradient, float *sums) {
  const int32_t *next = successor ? successor->choices : NULL;
  const ptrdiff_t rows = windows->input[0] * windows->input[1];
  const ptrdiff_t row_size = windows->input[2] * lanes;
  // Rows are cleared just before windows first reach them, while they will be in the cache.
  ptrdiff_t cleared = 0;
  for (ptrdiff_t z = 0; z < windows->output[0]; ++z)
    for (ptrdiff_t y = 0; y < windows->output[1]; ++y) {
      const struct cdnnl_reach depth = windows->reaches[0][z], height = windows->reaches[1][y];
      const ptrdiff_t plane = depth.first + (depth.count > 0 ? depth.count - 1 : 0) * windows->dilations[0];
      const ptrdiff_t line = height.first + (height.count > 0 ? height.count - 1 : 0) * windows->dilations[1];
      ptrdiff_t reached = plane * windows->input[1] + line + 1;
      if (reached > rows) reached = rows;
      if (reached > cleared) {
        memset(sums + cleared * row_size, 0, (size_t)((reached - cleared) * row_size) * sizeof *sums);
        cleared = reached;
      }
      for (ptrdiff_t x = 0; x < windows->output[2]; ++x) {
        const struct cdnnl_reach window[] = {depth, height, windows->reaches[2][x]};
        const ptrdiff_t first =
            (depth.first * windows->input[1] + height.first) * windows->input[2] + window[2].first;
        if (successor) {
          scatter_means(
              lanes, choices, next, window, windows->steps, successor->start + first * lanes,
              successor->end + first * lanes, gradient, sums + first * lanes);
          next += lanes;
        } else {
          scatter(lanes, choices, window, windows->steps, gradient, sums + first * lanes);
        }
        gradient += lanes;
        choices += lanes;
      }
    }
  memset(sums + cleared * row_size, 0, (size_t)((rows - cleared) * row_size) * sizeof *sums);
}

FOR_EACH_PROCESSOR void cdnnl_maxima_8(
    const float *input, const struct cdnnl_windows *windows, float *output, int32_t *choices) {
  store_maxima(8, input, windows, output, choices);
}

FOR_EACH_PROCESSOR void cdnnl_maxima_16(
    const float *input, const struct cdnnl_windows *windows, float *output, int32_t *choices) {
  store_maxima(16, input, windows, output, choices);
}

FOR_EACH_PROCESSOR void cdnnl_scatter_8(
    const int32_t *choices, const struct cdnnl_successor *successor,
    const struct cdnnl_windows *windows, const float *gradient, float *sums) {
  scatter_gradient(8, choices, successor, windows, gradient, sums);
}

FOR_EACH_PROCESSOR void cdnnl_scatter_16(
    const int32_t *choices, const struct cdnnl_successor *successor,
    const struct cdnnl_windows *windows, const float *gradient, float *sums) {
  scatter_gradient(16, choices, successor, windows, gradient, sums);
}
