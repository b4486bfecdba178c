-- the first and the last day that has a row within some time; without a condition on series, statistics answer it
SELECT
    coalesce(CAST(min(e.timestamp) AS DATE) - DATE '1970-01-01', 0) AS first_day,
    coalesce(CAST(max(e.timestamp) AS DATE) - DATE '1970-01-01', -1) AS last_day
FROM aggtrades_history AS e
WHERE %s
