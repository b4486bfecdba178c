SELECT sql, coalesce(comment, '') AS comment
FROM duckdb_tables()
WHERE table_name = ? AND schema_name = 'main' AND database_name = current_database()
