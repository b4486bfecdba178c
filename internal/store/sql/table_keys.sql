SELECT array_to_string(constraint_column_names, ',') AS key_columns
FROM duckdb_constraints()
WHERE table_name = ? AND schema_name = 'main' AND database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')
UNION ALL
SELECT trim(CAST(expressions AS VARCHAR), '[]')
FROM duckdb_indexes()
WHERE table_name = ? AND schema_name = 'main' AND database_name = current_database() AND is_unique
