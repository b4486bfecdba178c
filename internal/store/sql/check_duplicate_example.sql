-- the first id of a bucket that comes more than once
SELECT CAST(e.agg_trade_id AS BIGINT) AS example
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2 AND %s
GROUP BY e.agg_trade_id
HAVING count(*) > 1
ORDER BY e.agg_trade_id
LIMIT 1
