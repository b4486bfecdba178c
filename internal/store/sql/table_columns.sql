-- of a table that exists; duckdb_columns() would put together all the system's views first
SELECT
    name AS column_name,
    type AS data_type,
    "notnull" AS not_null,
    coalesce(dflt_value, '') AS column_default
FROM pragma_table_info(?)
ORDER BY cid
