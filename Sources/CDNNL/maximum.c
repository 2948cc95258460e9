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

// The places that have the maximum one after the other are the upper envelope of straight lines: next
// comes the line that crosses that of the leader first. It is steeper, so that this ends.
INLINED void scatter_means(
    int lanes, const int32_t *restrict choices, const int32_t *restrict last,
    const struct cdnnl_reach *window, const ptrdiff_t *steps, const float *restrict start,
    const float *restrict end, const float *restrict gradient, float *restrict sums) {
  int32_t leader[max_lanes];
  float value[max_lanes], slope[max_lanes], since[max_lanes];
  bool stays = true;
  for (int lane = 0; lane < lanes; ++lane) {
    stays &= choices[lane] == last[lane];
    leader[lane] = choices[lane];
    value[lane] = slope[lane] = since[lane] = 0;
  }
  if (stays) {
    scatter(lanes, choices, window, steps, gradient, sums);
    return;
  }
  int32_t index = 0;
  for (int32_t z = 0; z < window[0].count; ++z)
    for (int32_t y = 0; y < window[1].count; ++y) {
      ptrdiff_t place = (z * steps[0] + y * steps[1]) * lanes;
      for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
        for (int lane = 0; lane < lanes; ++lane) {
          const bool leads = leader[lane] == index;
          value[lane] = leads ? start[place + lane] : value[lane];
          slope[lane] = leads ? end[place + lane] - start[place + lane] : slope[lane];
        }
    }
  while (!stays) {
    int32_t next[max_lanes];
    float next_value[max_lanes], next_slope[max_lanes], until[max_lanes], share[max_lanes];
    for (int lane = 0; lane < lanes; ++lane) {
      next[lane] = leader[lane];
      next_value[lane] = value[lane];
      next_slope[lane] = slope[lane];
      until[lane] = 1;
    }
    index = 0;
    for (int32_t z = 0; z < window[0].count; ++z)
      for (int32_t y = 0; y < window[1].count; ++y) {
        ptrdiff_t place = (z * steps[0] + y * steps[1]) * lanes;
        for (int32_t x = 0; x < window[2].count; ++x, place += steps[2] * lanes, ++index)
          for (int lane = 0; lane < lanes; ++lane) {
            const float from = start[place + lane], rise = end[place + lane] - from;
            const float gain = rise - slope[lane];
            const float crossing = (value[lane] - from) / gain;
            const bool is_sooner = (gain > 0) & (crossing < until[lane]);
            until[lane] = is_sooner ? crossing : until[lane];
            next[lane] = is_sooner ? index : next[lane];
            next_value[lane] = is_sooner ? from : next_value[lane];
            next_slope[lane] = is_sooner ? rise : next_slope[lane];
          }
      }
    for (int lane = 0; lane < lanes; ++lane) {
      until[lane] = until[lane] > since[lane] ? until[lane] : since[lane];
      share[lane] = gradient[lane] * (until[lane] - since[lane]);
    }
    scatter(lanes, leader, window, steps, share, sums);
    stays = true;
    for (int lane = 0; lane < lanes; ++lane) {
      stays &= next[lane] == leader[lane];
      leader[lane] = next[lane];
      value[lane] = next_value[lane];
      slope[lane] = next_slope[lane];
      since[lane] = until[lane];
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
