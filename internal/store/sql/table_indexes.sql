SELECT index_name, sql
FROM duckdb_indexes()
WHERE table_name = ? AND schema_name = 'main' AND database_name = current_database() AND sql IS NOT NULL
ORDER BY index_name
