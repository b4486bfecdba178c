-- the same of a ledger that has only the scripts' columns
SELECT
    '' AS market,
    coalesce(symbol, '') AS symbol,
    count(*) AS files,
    CAST(sum(CAST(coalesce(row_count, 0) AS DOUBLE)) AS BIGINT) AS row_count,
    bool_or(coalesce(row_count, 0) > 0) AS has_rows,
    0 AS first_day,
    -1 AS last_day,
    CAST(0 AS BIGINT) AS newest
FROM ingestion_log
WHERE status IN ('success', 'partial')
GROUP BY 2
ORDER BY 2
