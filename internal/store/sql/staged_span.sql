SELECT coalesce(min(agg_trade_id), 0) AS first, coalesce(max(agg_trade_id), -1) AS last, count(*) AS row_count FROM staged
