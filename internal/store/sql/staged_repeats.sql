-- rows of the file that have the id of an earlier one
SELECT
    count(*) FILTER (same) AS same,
    count(*) FILTER (NOT same) AS different,
    coalesce(min(agg_trade_id) FILTER (NOT same), -1) AS example
FROM (
    SELECT
        a.agg_trade_id,
        a.time_us = f.time_us AND a.price = f.price AND a.quantity = f.quantity AND a.buyer_maker = f.buyer_maker
        AND a.first_trade_id = f.first_trade_id AND a.last_trade_id = f.last_trade_id AS same
    FROM staged_all AS a
    INNER JOIN staged AS f ON a.agg_trade_id = f.agg_trade_id
    WHERE a.file_order <> f.file_order
) AS repeats
