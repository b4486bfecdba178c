-- what the ledger has as loaded, by series; entries of the scripts have no market and no period
SELECT
    coalesce(market, '') AS market,
    coalesce(symbol, '') AS symbol,
    count(*) AS files,
    CAST(sum(CAST(CASE WHEN period_start IS NULL THEN row_count ELSE rows_inserted END AS DOUBLE)) AS BIGINT) AS row_count,
    bool_or(coalesce(row_count, 0) > 0) AS has_rows,
    coalesce(min(period_start) - DATE '1970-01-01', 0) AS first_day,
    coalesce(max(period_end) - DATE '1970-01-01', -1) AS last_day,
    coalesce(epoch_us(max(last_trade_at)), 0) AS newest
FROM ingestion_log
WHERE status IN ('success', 'partial')
GROUP BY 1, 2
ORDER BY 1, 2
