-- rows that came from one file, as their ids tell, and are not of its period
SELECT count(*) AS outside, coalesce(CAST(min(e.agg_trade_id) AS BIGINT), -1) AS example
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2
    AND (e.timestamp < make_timestamp(CAST($3 AS BIGINT)) OR e.timestamp >= make_timestamp(CAST($4 AS BIGINT)))
    AND %s
