-- rows whose ids some files of the ledger brought, and those among them that are in the period of none of these
SELECT
    count(*) AS row_count,
    count(*) FILTER (NOT (%[1]s)) AS outside,
    coalesce(CAST(min(e.agg_trade_id) FILTER (NOT (%[1]s)) AS BIGINT), -1) AS example
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2 AND %[2]s
