/// oneDNN and its OpenMP team as plain C functions, the same for oneDNN 2 and 3.
#ifndef CDNNL_H
#define CDNNL_H

#include <stdint.h>

/// The threads that one parallel region uses.
int32_t cdnnl_thread_count(void);

/// Sets the threads that parallel regions started by the calling thread use.
void cdnnl_set_thread_count(int32_t count);

/// Calls `body(context, part)` for every part below `parts`, on oneDNN's own OpenMP team.
void cdnnl_parallel(int32_t parts, void (*body)(void *context, int32_t part), void *context);

#endif
