-- the newest trade of some series since a time; zone maps leave all older row groups out
SELECT epoch_us(max(e.timestamp)) AS newest
FROM aggtrades_history AS e
WHERE e.timestamp >= make_timestamp(CAST($1 AS BIGINT)) AND %s
