-- the parts of a bucket, of 65,536 ids each, in which an id comes more than once
SELECT CAST(e.agg_trade_id AS BIGINT) >> 16 AS part
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2 AND %s
GROUP BY 1
HAVING count(*) > bit_count(bitstring_agg(CAST(e.agg_trade_id AS BIGINT) & 65535, 0, 65535))
ORDER BY 1
