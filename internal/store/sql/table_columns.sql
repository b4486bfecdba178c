SELECT
    column_name,
    data_type,
    is_nullable,
    coalesce(column_default, '') AS column_default
FROM duckdb_columns()
WHERE table_name = ? AND schema_name = 'main' AND database_name = current_database()
ORDER BY column_index
