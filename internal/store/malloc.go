package store

// DuckDB allocates its blocks with jemalloc. By default that gives memory back to the kernel a second after it was freed, and to each CPU memory of
// its own, so that a load meets the kernel's page faults again and again. malloc.c has it keep what it has, in one place, until the process ends: what
// DuckDB may use is limited anyway. The variable is jemalloc's (TUNING in jemalloc(3)), with DuckDB's prefix; DuckDB itself sets malloc_conf, which this one
// overrides.

import "C"
