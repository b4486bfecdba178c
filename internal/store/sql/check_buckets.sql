-- rows by series and bucket of ids
SELECT
    %[1]s AS market,
    %[2]s AS exchange,
    coalesce(CAST(e.symbol AS VARCHAR), '') AS symbol,
    coalesce(CAST(e.agg_trade_id AS BIGINT) >> 22, -1) AS bucket,
    count(*) AS row_count
FROM aggtrades_history AS e
WHERE %[3]s
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
