-- rows by series and bucket of ids, how many of them are wrong in which way, and an id of one that is
SELECT
    %[1]s AS market,
    %[2]s AS exchange,
    coalesce(CAST(e.symbol AS VARCHAR), '') AS symbol,
    coalesce(CAST(e.agg_trade_id AS BIGINT) >> 22, -1) AS bucket,
    count(*) AS row_count,
    count(*) FILTER (%[3]s) AS missing,
    count(*) FILTER (%[4]s) AS bad_price,
    count(*) FILTER (%[5]s) AS bad_quantity,
    count(*) FILTER (%[6]s) AS bad_side,
    count(*) FILTER (%[7]s) AS bad_gross_value,
    count(*) FILTER (%[8]s) AS bad_time,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[3]s) AS BIGINT), -1) AS missing_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[4]s) AS BIGINT), -1) AS bad_price_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[5]s) AS BIGINT), -1) AS bad_quantity_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[6]s) AS BIGINT), -1) AS bad_side_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[7]s) AS BIGINT), -1) AS bad_gross_value_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[8]s) AS BIGINT), -1) AS bad_time_id
FROM aggtrades_history AS e
WHERE $1 IS NOT NULL AND $2 IS NOT NULL AND %[9]s
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
