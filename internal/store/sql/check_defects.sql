-- by series, how many rows are wrong in which way, and an id of one that is; zone maps leave out row groups in which none can be
SELECT
    %[1]s AS market,
    coalesce(CAST(e.symbol AS VARCHAR), '') AS symbol,
    count(*) FILTER (%[2]s) AS missing,
    count(*) FILTER (%[3]s) AS bad_price,
    count(*) FILTER (%[4]s) AS bad_quantity,
    count(*) FILTER (%[5]s) AS bad_side,
    count(*) FILTER (%[6]s) AS bad_gross_value,
    count(*) FILTER (%[7]s) AS bad_time,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[2]s) AS BIGINT), -1) AS missing_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[3]s) AS BIGINT), -1) AS bad_price_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[4]s) AS BIGINT), -1) AS bad_quantity_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[5]s) AS BIGINT), -1) AS bad_side_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[6]s) AS BIGINT), -1) AS bad_gross_value_id,
    coalesce(CAST(min(e.agg_trade_id) FILTER (%[7]s) AS BIGINT), -1) AS bad_time_id
FROM aggtrades_history AS e
WHERE (%[2]s OR %[3]s OR %[4]s OR %[5]s OR %[6]s OR %[7]s) AND %[8]s
GROUP BY 1, 2
ORDER BY 1, 2
