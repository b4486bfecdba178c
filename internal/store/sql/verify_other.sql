-- rows of some days whose ids no file of the ledger brought
SELECT count(*) AS row_count, coalesce(CAST(min(e.agg_trade_id) AS BIGINT), -1) AS example
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2
    AND e.timestamp >= make_timestamp(CAST($3 AS BIGINT)) AND e.timestamp < make_timestamp(CAST($4 AS BIGINT))
    AND NOT (%[1]s) AND %[2]s
