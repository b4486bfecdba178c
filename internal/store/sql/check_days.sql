-- rows of each day (counted from 1970-01-01) by series, with their smallest and largest id and time
SELECT
    coalesce(CAST(c.market AS VARCHAR), '') AS market,
    coalesce(CAST(c.symbol AS VARCHAR), '') AS symbol,
    c.trade_day,
    c.row_count,
    coalesce(c.first_id, -1) AS first_id,
    coalesce(c.last_id, -1) AS last_id,
    c.first_at,
    c.last_at
FROM (
    SELECT
        %[1]s AS market,
        e.symbol,
        epoch_us(e.timestamp) // 86400000000 AS trade_day,
        count(*) AS row_count,
        CAST(min(e.agg_trade_id) AS BIGINT) AS first_id,
        CAST(max(e.agg_trade_id) AS BIGINT) AS last_id,
        epoch_us(min(e.timestamp)) AS first_at,
        epoch_us(max(e.timestamp)) AS last_at
    FROM aggtrades_history AS e
    WHERE e.timestamp >= make_timestamp(CAST($1 AS BIGINT)) AND e.timestamp < make_timestamp(CAST($2 AS BIGINT)) AND %[2]s
    GROUP BY 1, 2, 3
) AS c
ORDER BY 1, 2, 3
