-- rows that repeat an id within one bucket of ids of one series: a bit for each id takes 512 KB, however many rows there are
SELECT count(*) - coalesce(bit_count(bitstring_agg(CAST(e.agg_trade_id AS BIGINT) & 4194303, 0, 4194303)), 0) AS surplus
FROM aggtrades_history AS e
WHERE e.agg_trade_id BETWEEN $1 AND $2 AND %s
