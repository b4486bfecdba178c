SELECT
    count(*) FILTER (same) AS same,
    count(*) FILTER (NOT same) AS different,
    coalesce(min(agg_trade_id) FILTER (NOT same), -1) AS example
FROM %s
