/* What DuckDB's jemalloc reads last of all, when it starts: see malloc.go. */
const char *duckdb_je_malloc_conf_2_conf_harder = "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1";
