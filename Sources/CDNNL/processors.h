#ifndef CDNNL_PROCESSORS_H
#define CDNNL_PROCESSORS_H

// Compiled once per instruction set; the loader takes the one that the processor has.
#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

#endif
