#include "cdnnl.h"

// The stable entry points of GNU OpenMP, oneDNN's runtime on Debian. Calling them directly needs no
// compiler flag and joins oneDNN's team instead of starting a second one.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int count);

typedef struct {
  int32_t parts;
  void (*body)(void *, int32_t);
  void *context;
} region_t;

static void run_share(void *data) {
  const region_t *region = data;
  const int32_t stride = omp_get_num_threads();
  for (int32_t part = omp_get_thread_num(); part < region->parts; part += stride)
    region->body(region->context, part);
}

int32_t cdnnl_thread_count(void) { return omp_get_max_threads(); }

void cdnnl_set_thread_count(int32_t count) { omp_set_num_threads(count > 0 ? count : 1); }

void cdnnl_parallel(int32_t parts, void (*body)(void *context, int32_t part), void *context) {
  region_t region = {parts, body, context};
  if (parts > 1)
    GOMP_parallel(run_share, &region, 0, 0);
  else if (parts == 1)
    body(context, 0);
}
